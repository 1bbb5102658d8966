"""The canonical form of a drawing, and the split by writer."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webui.records.factory import make_record
from webui.datasets.drawings import (
    TEST,
    TEST_PERCENT,
    TRAIN,
    Drawing,
    canonical_ink,
    drawing_of,
    split_of,
)
from webui.datasets.labels import Labelled


def drawing(label: str = "7", *, session: str = "", **changed: Any) -> Drawing:
    record = make_record(**changed)
    return drawing_of(record, Labelled(record_id=record.id, label=label, source="review"))


def test_the_same_drawing_at_another_time_is_the_same() -> None:
    one, other = drawing(), drawing()
    assert one.record_id != other.record_id
    assert (one.id, one.line) == (other.id, other.line)


@pytest.mark.parametrize(
    "changed", [{"visitor": "a" * 32}, {"ink": [[[1, 2, 3]]]}, {"instance": bytes(784)}]
)
def test_another_writer_ink_or_instance_is_another_drawing(changed: dict[str, Any]) -> None:
    assert drawing(**changed).id != drawing().id


def test_a_line_says_nothing_of_visitor_record_and_time() -> None:
    made = drawing("not_a_digit")
    line = json.loads(made.line)
    assert set(line) == {"id", "label", "writer", "session", "source", "ink"}
    assert line["label"] == 10
    assert "f" * 64 not in made.line
    assert made.record_id not in made.line


def test_a_writer_who_is_unknown_has_drawn_nothing_else() -> None:
    lines = [json.loads(drawing(visitor="", digit=digit).line) for digit in (1, 1, 2)]
    writers = [line["writer"] for line in lines]
    assert writers[0] == writers[1] != writers[2]


def test_ink_is_the_same_however_a_store_keeps_numbers() -> None:
    assert canonical_ink([[[1.0, 2.504999, 3], [-0.0, 1, 16.0]]]) == canonical_ink(
        [[[1, 2.5, 3.0], [0, 1.0, 16]]]
    )
    assert canonical_ink([]) is None


@given(st.uuids())
def test_a_writer_is_on_one_side(writer: UUID) -> None:
    assert split_of(writer.hex) == split_of(writer.hex)


def test_about_a_fifth_of_the_writers_is_for_tests() -> None:
    sides = [split_of(f"writer {number}") for number in range(4000)]
    assert set(sides) == {TRAIN, TEST}
    # Four standard deviations of a binomial of 4,000 are 2.5 points.
    assert abs(100 * sides.count(TEST) / len(sides) - TEST_PERCENT) < 2.5
