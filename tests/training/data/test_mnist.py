"""MNIST's files: read if they are the published ones, refused by name otherwise."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.harness.needs import need
from training.data import mnist

NAMES = tuple(mnist.PUBLISHED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in NAMES:
        count = 20 if name.startswith("train") else 10
        shape = (count, 28, 28) if "images" in name else (count,)
        (tmp_path / f"{name}.gz").write_bytes(
            gzip.compress(mnist.to_idx(rng.integers(0, 10, shape, np.uint8)))
        )
    return tmp_path


def test_reads_gzipped_and_plain_files(folder: Path) -> None:
    name = NAMES[2]
    (folder / name).write_bytes(gzip.decompress((folder / f"{name}.gz").read_bytes()))
    (folder / f"{name}.gz").unlink()
    (images, labels), (test_images, test_labels) = mnist.load(folder, verify=False)
    assert images.shape == (20, 28, 28)
    assert images.dtype == np.uint8
    assert labels.shape == (20,)
    assert test_images.shape == (10, 28, 28)
    assert test_labels.max() < 10


def test_other_pictures_are_refused(folder: Path) -> None:
    with pytest.raises(mnist.MnistError, match="not the published file"):
        mnist.load(folder)


def test_a_missing_folder_and_file_are_named(folder: Path) -> None:
    with pytest.raises(mnist.MnistError, match="no folder"):
        mnist.load(folder / "elsewhere")
    (folder / f"{NAMES[3]}.gz").unlink()
    with pytest.raises(mnist.MnistError, match=NAMES[3]):
        mnist.load(folder, verify=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b damaged", "damaged"),
        (gzip.compress(b"no idx"), "not an IDX file"),
        (gzip.compress(b""), "not an IDX file"),
        (gzip.compress(mnist.to_idx(np.zeros((10, 28, 28), np.uint8))[:-1]), "cut short"),
        (gzip.compress(mnist.to_idx(np.zeros((9, 28, 28), np.uint8))), "belong together"),
        (gzip.compress(mnist.to_idx(np.zeros((10, 28, 27), np.uint8))), "belong together"),
    ],
)
def test_damage_is_named(folder: Path, content: bytes, message: str) -> None:
    (folder / f"{NAMES[2]}.gz").write_bytes(content)
    with pytest.raises(mnist.MnistError, match=message):
        mnist.load(folder, verify=False)


def test_without_a_folder_the_copy_of_keras_is_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import keras

    part = (np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8))
    monkeypatch.setattr(mnist, "DEFAULT_FOLDER", tmp_path / "nowhere")
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: (part, part))
    with pytest.raises(mnist.MnistError, match="differs from the published"):
        mnist.load()

    def unreachable() -> None:
        raise OSError("no network")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", unreachable)
    with pytest.raises(mnist.MnistError, match="--data"):
        mnist.load()


@pytest.mark.data
def test_the_published_set() -> None:
    need(mnist.DEFAULT_FOLDER.is_dir(), f"{mnist.DEFAULT_FOLDER} (the four IDX files of MNIST)")
    lengths = [len(array) for part in mnist.load() for array in part]
    assert lengths == [60_000, 60_000, 10_000, 10_000]
    assert mnist.checksums() == {f"mnist/{k}": f"sha256:{v}" for k, v in mnist.PUBLISHED.items()}
