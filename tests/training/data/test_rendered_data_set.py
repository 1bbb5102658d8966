"""Rendered data set: made of the training part only, the same each time, and cached."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.pens import write_pen_strokes
from tests.training.recipe import tiny
from training.data import rendered_data_set
from training.data.pen_strokes import PROLIFIC, PenStrokesMissing

SETTINGS = tiny().data
HELD_OUT = "w0"  # about every tenth writer is


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six digits and two letters to train on; a held-out writer's 5 and a held-out F."""
    folder = tmp_path_factory.mktemp("data")
    digits = [(label, "syn", f"p{label}") for label in "123478"]
    write_pen_strokes(
        folder,
        digits=[*digits, ("5", "syn", HELD_OUT)],
        letters=[(label, "syn", f"p{label}") for label in "EFm"],
    )
    return folder


def test_it_has_the_configured_drawings_and_is_cached(data_dir: Path, tmp_path: Path) -> None:
    first = rendered_data_set.render(data_dir, SETTINGS, cache=tmp_path)
    assert len(first.digits) == 2 * 6 + 8
    assert len(first.negatives) == 2 + 12
    assert set(first.negatives.labels) == {10}
    assert 5 not in first.digits.labels[: 2 * 6]
    assert first.digits.images.dtype == np.uint8
    assert (first.digits.images.reshape(len(first.digits), -1).max(1) > 200).all()
    assert first.cpu_seconds > 0
    assert first.digit_sources.tolist() == ["syn"] * 12 + [""] * 8

    [cached] = tmp_path.iterdir()
    stamp = cached.stat().st_mtime_ns
    again = rendered_data_set.render(data_dir, SETTINGS, cache=tmp_path)
    assert (again.digits.images == first.digits.images).all()
    assert (again.negatives.labels == first.negatives.labels).all()
    assert (again.digit_sources == first.digit_sources).all()
    assert again.cpu_seconds == first.cpu_seconds
    assert cached.stat().st_mtime_ns == stamp


def test_other_settings_or_other_data_have_another_key(data_dir: Path, tmp_path: Path) -> None:
    key = rendered_data_set._cache_key(data_dir, SETTINGS)
    assert key != rendered_data_set._cache_key(data_dir, replace(SETTINGS, rendering_seed=2))
    for path in data_dir.glob("*/*.gz"):
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        copy = tmp_path / path.relative_to(data_dir)
        copy.write_bytes(path.read_bytes() + gzip.compress(b""))
    assert key != rendered_data_set._cache_key(tmp_path, SETTINGS)


def test_prolific_writers_get_fewer_variants(tmp_path: Path) -> None:
    count = PROLIFIC + 1
    write_pen_strokes(tmp_path, digits=[("1", "syn", "w")] * count, letters=[])
    job = rendered_data_set._Job("digit", range(3), tmp_path, SETTINGS)
    assert len(rendered_data_set._render(job).instances) == 3 * SETTINGS.prolific_variants


def test_a_job_renders_the_same_in_every_process(data_dir: Path) -> None:
    job = next(rendered_data_set._jobs(data_dir, SETTINGS))
    one, two = rendered_data_set._render(job), rendered_data_set._render(job)
    assert (one.instances.images == two.instances.images).all()
    assert (one.instances.labels == two.instances.labels).all()


def test_a_source_is_left_out_with_all_that_was_made_from_its_drawings(tmp_path: Path) -> None:
    people = [(label, donor, "w1") for label in "2347" for donor in ("syn", "apb")]
    write_pen_strokes(tmp_path, digits=people, letters=[("E", "apb", "w1")])
    rendered = rendered_data_set.render(tmp_path, replace(SETTINGS, negatives=60))
    assert set(rendered.digit_sources) == set(rendered.negative_sources) == {"", "apb", "syn"}
    rest = rendered.without(["apb"])
    assert set(rest.digit_sources) == set(rest.negative_sources) == {"", "syn"}
    kept = rendered.negative_sources != "apb"
    assert (rest.negatives.images == rendered.negatives.images[kept]).all()
    assert len(rest.digits) == len(rest.digit_sources)


def test_missing_strokes_are_named(tmp_path: Path) -> None:
    with pytest.raises(PenStrokesMissing, match="is missing: --data must name"):
        rendered_data_set.render(tmp_path, SETTINGS)
