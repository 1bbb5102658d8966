"""Who is trained on and who judges: never both."""

import gzip
import json
from pathlib import Path

import pytest

from tests.harness.needs import need
from tests.training.pens import DATA, HAS_PENS, WHERE, drawing
from training.data import pen_strokes


def test_no_person_and_no_held_out_laboratory_is_on_both_sides() -> None:
    drawings = [
        drawing(str(n % 10), donor, f"w{n}") for donor in ("aga", "apb", "syn") for n in range(200)
    ]
    parts = pen_strokes.split(drawings)
    trained = {d.person for d in parts.training}
    assert len(parts.training) + len(parts.validation) == len(drawings)
    assert not trained & {d.person for d in parts.validation}
    assert {d.donor for d in parts.other_laboratories} == {"aga"}
    assert "aga" not in {d.donor for d in parts.training}
    assert 10 < len(parts.other_writers) < 80


def test_the_split_does_not_depend_on_the_order() -> None:
    drawings = [drawing("1", "apb", f"w{n}") for n in range(50)]
    forwards, backwards = pen_strokes.split(drawings), pen_strokes.split(drawings[::-1])
    assert {d.person for d in forwards.training} == {d.person for d in backwards.training}


def test_the_prolific_are_never_judges() -> None:
    drawings = [drawing("1", "syn", f"w{n % 40}") for n in range(40 * 301)]
    assert not pen_strokes.split(drawings).other_writers


def test_reading_keeps_points_and_skips_empty_strokes(tmp_path: Path) -> None:
    folder = tmp_path / "pen-strokes"
    folder.mkdir()
    row = {"label": "7", "donor": "d", "writer": "w", "strokes": [[[0, 1], [2, 3]], []]}
    with gzip.open(folder / "digits.jsonl.gz", "wt") as file:
        file.write(json.dumps(row) + "\n")
    [read] = pen_strokes.load_digits(tmp_path)
    assert read.person == "d/w"
    assert [stroke.tolist() for stroke in read.strokes] == [[[0, 1], [2, 3]]]


def test_missing_strokes_are_named(tmp_path: Path) -> None:
    with pytest.raises(pen_strokes.PenStrokesMissing, match=r"other\.jsonl\.gz is missing: --data"):
        pen_strokes.load_other(tmp_path)


@pytest.mark.data
def test_the_real_data_is_what_the_documentation_says() -> None:
    need(HAS_PENS, WHERE)
    digits, letters = pen_strokes.load_digits(DATA), pen_strokes.load_other(DATA)
    assert len(digits) == 9960
    assert len({d.person for d in digits}) == 377
    assert len(letters) == 6000
    parts = pen_strokes.split(digits)
    assert len(parts.other_laboratories) == 490
    assert len(parts.other_writers) == 468
    trained = {d.person for d in parts.training + pen_strokes.split(letters).training}
    judged = {d.person for d in parts.validation + pen_strokes.split(letters).validation}
    assert not trained & judged
