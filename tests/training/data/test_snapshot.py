"""Reading a snapshot for a training: every file is checked, and test writers stay apart."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.collected import collected
from tests.training.recipe import DIGITS_RECIPE
from training.data import snapshot
from training.data.snapshot import SnapshotError, as_recorded, read_snapshot, render


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    collected(tmp_path / "s")
    return tmp_path / "s"


def test_what_was_written_is_read(folder: Path) -> None:
    read = read_snapshot(folder)
    assert len(read.training) + len(read.test) == 120
    assert not {d.writer for d in read.training} & {d.writer for d in read.test}
    line = json.loads((folder / "train.jsonl").read_text().splitlines()[0])
    first = read.training[0]
    assert (first.label, first.writer) == (line["label"], line["writer"])
    assert first.strokes[0].tolist() == [point[:2] for point in line["ink"][0]]
    assert as_recorded(read.training).images.shape == (len(read.training), 28, 28)


def test_a_drawing_is_rendered_several_times_and_always_the_same(folder: Path) -> None:
    read = read_snapshot(folder)
    one, other = (render(read.training[:3], DIGITS_RECIPE.data, variants=4) for _ in range(2))
    assert one.instances.labels.tolist() == [d.label for d in read.training[:3] for _ in range(4)]
    assert np.array_equal(one.instances.images, other.instances.images)
    assert len(np.unique(one.instances.images, axis=0)) == 12
    assert one.with_ink.all()


def test_without_ink_the_instance_is_taken_once(tmp_path: Path) -> None:
    collected(tmp_path / "s", ink=None)
    drawings = read_snapshot(tmp_path / "s").training
    rendered = render(drawings, DIGITS_RECIPE.data, variants=4)
    assert np.array_equal(rendered.instances.images, as_recorded(drawings).images)
    assert not rendered.with_ink.any()


def test_many_drawings_are_rendered_fewer_times(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MOST_RENDERINGS", 25)
    drawings = read_snapshot(folder).training[:10]
    assert len(render(drawings, DIGITS_RECIPE.data, variants=16).instances) == 20


@pytest.mark.parametrize("name", ["train.jsonl", "t10k-images-idx3-ubyte", "snapshot.json"])
def test_a_file_that_was_changed_is_named(folder: Path, name: str) -> None:
    path = folder / name
    path.chmod(0o640)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(SnapshotError, match=f"{name} has been changed"):
        read_snapshot(folder)


def test_a_file_that_is_missing_is_named(folder: Path) -> None:
    (folder / "train.jsonl").unlink()
    with pytest.raises(SnapshotError, match=r"train\.jsonl is missing"):
        read_snapshot(folder)


def test_another_folder_is_no_snapshot(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="snapshot_dataset"):
        read_snapshot(tmp_path)
