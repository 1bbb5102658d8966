"""Pen strokes: nobody is in both the training and the validation part."""

import gzip
import json
from pathlib import Path

import pytest

from tests.harness.needs import need
from tests.training.pens import HAS_PENS, WHERE, drawing
from training.data import pen_strokes
from training.paths import DATA


def test_no_person_and_no_held_out_laboratory_is_in_both_parts() -> None:
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
    assert trained == {d.person for d in pen_strokes.split(drawings[::-1]).training}


def test_prolific_writers_are_not_held_out() -> None:
    drawings = [drawing("1", "syn", f"w{n % 40}") for n in range(40 * (pen_strokes.PROLIFIC + 1))]
    assert not pen_strokes.split(drawings).other_writers
    assert pen_strokes.split(drawings[: 40 * 10]).other_writers


def test_reading_keeps_points_and_skips_empty_strokes(tmp_path: Path) -> None:
    folder = tmp_path / "pen-strokes"
    folder.mkdir()
    row = {"label": "7", "donor": "d", "writer": "w", "strokes": [[[0, 1], [2, 3]], []]}
    with gzip.open(folder / "digits.jsonl.gz", "wt") as file:
        file.write(json.dumps(row) + "\n")
    [read] = pen_strokes.load_digits(tmp_path)
    assert read.person == "d/w"
    assert [stroke.tolist() for stroke in read.strokes] == [[[0, 1], [2, 3]]]
    with pytest.raises(pen_strokes.PenStrokesMissing, match=r"other\.jsonl\.gz is missing: --data"):
        pen_strokes.load_letters(tmp_path)


@pytest.mark.data
def test_the_real_data_is_as_documented() -> None:
    need(HAS_PENS, WHERE)
    digits, letters = pen_strokes.load_digits(DATA), pen_strokes.load_letters(DATA)
    assert len(digits) == 9960
    assert len({d.person for d in digits}) == 377
    assert len(letters) == 6000
    of_digits, of_letters = pen_strokes.split(digits), pen_strokes.split(letters)
    assert len(of_digits.other_laboratories) == 490
    assert len(of_digits.other_writers) == 468
    trained = {d.person for d in of_digits.training + of_letters.training}
    assert not trained & {d.person for d in of_digits.validation + of_letters.validation}
