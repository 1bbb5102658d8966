"""The pool: drawn from the training part alone, the same each time, kept for the next time."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.configuration import CONFIGS, Data, read_configuration
from training.data import rendered_data_set
from training.data.pen_strokes import PenStrokesMissing

SETTINGS = replace(
    read_configuration(CONFIGS / "digits.toml").data,
    pen_variants=2,
    prolific_variants=1,
    letter_variants=1,
    styled=8,
    outliers=12,
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six digits by people of the training part, one by a held-out laboratory; three letters."""
    folder = tmp_path_factory.mktemp("data") / "pen-strokes"
    folder.mkdir()

    def row(label: str, donor: str, writer: str) -> dict[str, object]:
        path = [[100 * i, int(500 + 400 * np.sin(i + ord(label)))] for i in range(11)]
        return {"label": label, "donor": donor, "writer": writer, "strokes": [path]}

    digits = [row(label, "syn", f"p{label}") for label in "123478"] + [row("5", "aga", "held")]
    letters = [row("E", "syn", "pE"), row("F", "syn", "pF"), row("m", "syn", "pm")]
    for name, rows in (("digits", digits), ("other", letters)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return folder.parent


def made(
    data_dir: Path, settings: Data = SETTINGS, cache: Path | None = None
) -> rendered_data_set.Pool:
    return rendered_data_set.build_pool(data_dir, settings, cache=cache)


def test_it_holds_what_was_asked_for_and_nobody_held_out(data_dir: Path, tmp_path: Path) -> None:
    digits, letters = rendered_data_set._training_drawings(data_dir)
    assert "aga" not in {drawing.donor for drawing in digits}
    assert "F" not in {drawing.label for drawing in letters}
    first = made(data_dir, cache=tmp_path)
    assert len(first.pen) == 2 * len(digits) + 8
    assert len(first.outlier) == len(letters) + 12
    assert set(first.outlier.labels) == {10}
    assert 5 not in first.pen.labels[: 2 * len(digits)]
    assert first.pen.images.dtype == np.uint8
    assert (first.pen.images.reshape(len(first.pen), -1).max(1) > 200).all()
    assert first.cpu_seconds > 0

    [kept] = tmp_path.glob("pool-*.npz")
    stamp = kept.stat().st_mtime_ns
    again = made(data_dir, cache=tmp_path)
    assert (again.pen.images == first.pen.images).all()
    assert again.cpu_seconds == first.cpu_seconds
    assert kept.stat().st_mtime_ns == stamp


def test_other_settings_or_other_data_make_another_pool(data_dir: Path, tmp_path: Path) -> None:
    key = rendered_data_set._pool_key(data_dir, SETTINGS)
    assert key != rendered_data_set._pool_key(data_dir, replace(SETTINGS, pool_seed=2))
    other = tmp_path / "pen-strokes"
    other.mkdir()
    for path in (data_dir / "pen-strokes").iterdir():
        (other / path.name).write_bytes(path.read_bytes() + gzip.compress(b""))
    assert key != rendered_data_set._pool_key(tmp_path, SETTINGS)


def test_a_job_draws_the_same_in_every_process(data_dir: Path) -> None:
    job = next(rendered_data_set._jobs(data_dir, SETTINGS))
    one, two = rendered_data_set._make(job), rendered_data_set._make(job)
    assert one.keys() == two.keys()
    assert all((one[name] == two[name]).all() for name in one)


def test_missing_strokes_are_named(tmp_path: Path) -> None:
    with pytest.raises(PenStrokesMissing, match="is missing: --data must name"):
        made(tmp_path)
