"""Pen strokes: nobody is in both the training and the validation part."""

import gzip
import json
from pathlib import Path

import pytest

from tests.harness.needs import need
from tests.training.pens import HAS_PENS, WHERE, drawing, write_pen_strokes
from training.data import pen_strokes
from training.evaluation.left_out import FOLDS
from training.paths import DATA


def test_no_person_and_no_source_left_out_is_in_both_parts() -> None:
    drawings = [
        drawing(str(n % 10), donor, f"w{n}") for donor in ("aga", "apb", "syn") for n in range(200)
    ]
    parts = pen_strokes.split(drawings, left_out=["aga"])
    trained = {d.person for d in parts.training}
    assert len(parts.training) + len(parts.validation) == len(drawings)
    assert not trained & {d.person for d in parts.validation}
    assert {d.donor for d in parts.left_out} == {"aga"}
    assert "aga" not in {d.donor for d in parts.training}
    assert 10 < len(parts.other_writers) < 80
    again = pen_strokes.split(drawings[::-1], left_out=["aga"])
    assert trained == {d.person for d in again.training}


def test_prolific_writers_are_not_held_out() -> None:
    drawings = [drawing("1", "syn", f"w{n % 40}") for n in range(40 * (pen_strokes.PROLIFIC + 1))]
    assert not pen_strokes.split(drawings).other_writers
    assert pen_strokes.split(drawings[: 40 * 10]).other_writers


def test_reading_keeps_points_and_skips_empty_strokes(tmp_path: Path) -> None:
    write_pen_strokes(tmp_path, digits=[], letters=[])
    row = {"label": "7", "donor": "d", "writer": "w", "strokes": [[[0, 1], [2, 3]], []]}
    with gzip.open(tmp_path / "uji-pen-characters" / "digits.jsonl.gz", "wt") as file:
        file.write(json.dumps(row) + "\n")
    [read] = pen_strokes.load_digits(tmp_path)
    assert read.person == "d/w"
    assert [stroke.tolist() for stroke in read.strokes] == [[[0, 1], [2, 3]]]


def test_a_missing_collection_is_named(tmp_path: Path) -> None:
    write_pen_strokes(tmp_path, digits=[], letters=[])
    (tmp_path / "numberpad" / "other.jsonl.gz").unlink()
    missing = r"numberpad/other\.jsonl\.gz is missing: --data .* uji-pen-characters/, .*NumberPad"
    with pytest.raises(pen_strokes.PenStrokesMissing, match=missing):
        pen_strokes.load_letters(tmp_path)


def test_every_collection_is_described(tmp_path: Path) -> None:
    write_pen_strokes(tmp_path, digits=[("7", "d", "w")], letters=[])
    told = pen_strokes.described(tmp_path)
    assert set(told) == {each.folder for each in pen_strokes.COLLECTIONS}
    assert all(part["licence"] and part["origin"] and part["title"] for part in told.values())
    digest = told["pen-strokes"]["sha256"]["digits.jsonl.gz"]
    assert pen_strokes.checksums(tmp_path)["pen-strokes/digits.jsonl.gz"] == f"sha256:{digest}"


@pytest.mark.data
def test_the_real_data_is_as_documented() -> None:
    need(HAS_PENS, WHERE)
    digits, letters = pen_strokes.load_digits(DATA), pen_strokes.load_letters(DATA)
    assert len(digits) == 9960 + 1200 + 160 + 820
    assert len({d.person for d in digits}) == 377 + 60 + 8 + 1
    assert len(letters) == 6000 + 81
    sources = {d.donor for d in digits + letters}
    assert {source for fold in FOLDS for source in fold} == sources
    assert sum(len(fold) for fold in FOLDS) == len(sources)
    of_digits, of_letters = pen_strokes.split(digits), pen_strokes.split(letters)
    assert not of_digits.left_out
    trained = {d.person for d in of_digits.training + of_letters.training}
    assert not trained & {d.person for d in of_digits.validation + of_letters.validation}
