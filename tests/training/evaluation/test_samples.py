"""Samples: digits and negatives of held-out writers, rendered the same every time."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.pens import write_pen_strokes
from training.data import mnist
from training.data.instances import Instances
from training.data.mnist import Part
from training.evaluation import samples

HELD_OUT = "w15"  # about every tenth writer is
PEOPLE = [("aga", HELD_OUT), ("syn", "trained")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_pen_strokes(
        folder,
        digits=[(label, *person) for label in "0123456789" for person in PEOPLE],
        letters=[(label, *person) for label in "EFm" for person in PEOPLE],
    )
    return folder


def test_drawings_of_held_out_writers(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "NEGATIVES_OF_A_KIND", 3)
    drawn, again = (samples.load_drawings(data, seed=1) for _ in range(2))
    clean, perturbed = drawn.digits["clean"], drawn.digits["perturbed"]
    assert clean.labels.tolist() == list(range(10))
    assert set(clean.people) == {f"aga/{HELD_OUT}"}
    assert len(perturbed) == 10 * samples.PERTURBED_DRAWINGS
    assert (perturbed.instances == again.digits["perturbed"].instances).all()
    assert clean.instances.max() > 0.8
    assert len(drawn.negatives[samples.SEEN_LETTERS]) == 2
    assert drawn.negatives[samples.UNSEEN_LETTERS].people == (f"aga/{HELD_OUT}", "syn/trained")
    for name in samples.NEGATIVES.values():
        assert drawn.negatives[name].labels.tolist() == [10] * 3


def test_evaluation_adds_mnist_and_the_whole_canvas(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = Instances(np.full((1200, 28, 28), 255, np.uint8), np.zeros(1200, np.int32))
    part: Part = (images.images, images.labels.astype(np.uint8))
    monkeypatch.setattr(mnist, "load", lambda folder: (part, part))
    loaded = samples.load_for_evaluation(data, quick=True)
    assert len(loaded.digits["mnist"]) == 1000
    assert loaded.digits["mnist"].instances.max() == 1.0
    whole = loaded.whole_canvas["clean"]
    assert whole.instances.shape == (2, 28, 28)  # every eighth of ten
    assert (whole.instances != loaded.digits["clean"].instances).any()
    alone = samples.load_for_evaluation(None)
    assert list(alone.digits) == ["mnist"]
    assert not alone.negatives
