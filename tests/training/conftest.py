"""A data folder of made-up digits, for commands that train."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tests.training.pens import write_pen_strokes
from tests.training.recipe import blots
from training import train
from training.data import mnist
from training.evaluation import samples


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with made-up MNIST and the strokes of six writers."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "mnist").mkdir()
    for part, count in (("train", 200), ("t10k", 40)):
        some = blots(count, classes=10, seed=count)
        for name, array in (
            (f"{part}-images-idx3-ubyte", some.images),
            (f"{part}-labels-idx1-ubyte", some.labels.astype(np.uint8)),
        ):
            (folder / "mnist" / name).write_bytes(mnist.to_idx(array))
    # apb/w4 and aga/w15 are held out, as about every tenth writer is.
    people = [("apb", f"w{n}") for n in (3, 4, 5)] + [("aga", f"w{n}") for n in (14, 15, 16)]
    write_pen_strokes(
        folder,
        digits=[(label, *person) for label in "0123456789" for person in people],
        letters=[(label, *person) for label in "EFm" for person in people],
    )
    return folder


def made_up(patch: pytest.MonkeyPatch, data_dir: Path, folder: Path) -> None:
    """Let a command take the made-up MNIST for the published one, and work in a folder."""
    sums = {
        name: hashlib.sha256((data_dir / "mnist" / name).read_bytes()).hexdigest()
        for name in mnist.PUBLISHED
    }
    patch.setattr(mnist, "PUBLISHED", sums)
    patch.setattr(train, "WORKING_DIRECTORY", folder / "var")
    patch.setattr(samples, "NEGATIVES_OF_A_KIND", 5)


@pytest.fixture
def folder(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a command, which takes the made-up MNIST for the published one."""
    made_up(monkeypatch, data_dir, tmp_path)
    return tmp_path
