"""What versions are evaluated on: instances, and who drew them.

Nothing here was trained on by version 2: MNIST's test set, and pen strokes of the people and
laboratories that `training.pen_strokes.split` holds out. Version 1 never saw a pen stroke.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from serving.preprocessing import INSTANCE_SIZE, to_instance
from serving.verdict import NOT_A_DIGIT_CLASS
from training.data import canvas, mnist, negatives
from training.data.instances import number_of
from training.data.pen_strokes import HELD_OUT_LETTERS, PenDrawing, load_digits, load_other, split

PERTURBED_DRAWINGS = 3  # messy drawings of each pen drawing
SCRIBBLES = 300  # drawings of each kind that is no digit and no letter
SEED = 20  # of the messiness; training's own validation has another
# Kinds of training.outliers that are made of strokes of people held out, or by chance; symbols
# are the training's own templates, so they would flatter.
NO_DIGIT_KINDS = {
    "scribbles": "scribble",
    "several digits": "several",
    "turned digits": "turned",
    "recombined strokes": "recombined",
}


@dataclass(frozen=True)
class Sample:
    """Instances of one kind."""

    name: str
    instances: NDArray[np.float32]  # (n, 28, 28), 0..1
    labels: NDArray[np.int64]  # (n,); 10 is "not a digit"
    people: tuple[str, ...] = ()  # who drew each, "donor/writer"; empty where nobody is known

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Samples:
    """All that a version is evaluated on."""

    digits: dict[str, Sample]  # mnist, tidy, messy
    whole_canvas: dict[str, Sample]  # tidy and messy by the seed's own preprocessing
    others: dict[str, Sample]  # letters and what else is no digit


def load(data: Path | None, *, quick: bool = False) -> Samples:
    """Renders everything; the same every time.

    Args:
        data: folder with mnist/ and pen-strokes/; None where only a download of MNIST is to be had.
        quick: a part of each, for a look.

    Raises:
        training.mnist.MnistError, training.pen_strokes.PenStrokesMissing
    """
    images, labels = mnist.load(data / "mnist" if data else None)[1]
    some = slice(None, 1000) if quick else slice(None)
    digits = {
        "mnist": Sample(
            "MNIST test set", images[some].astype(np.float32) / 255, labels[some].astype(np.int64)
        )
    }
    if data is None or not (data / "pen-strokes").is_dir():
        return Samples(digits=digits, whole_canvas={}, others={})
    validation = split(load_digits(data)).validation
    letters = split(load_other(data))
    every = 8 if quick else 1
    drawn = validation[::every]
    whole_canvas = {}
    for how in ("tidy", "messy"):
        digits[how] = _drawn(f"pen digits, {how}", drawn, how=how, read=to_instance)
        whole_canvas[how] = _drawn(
            f"pen digits, {how}, whole canvas", drawn, how=how, read=_whole_canvas
        )
    seen = [letter for letter in letters.validation if letter.label not in HELD_OUT_LETTERS]
    unseen = [
        letter
        for letter in letters.training + letters.validation
        if letter.label in HELD_OUT_LETTERS
    ]
    others = {
        "letters of kinds trained on": _drawn(
            "letters of kinds trained on", seen[::every], how="tidy", read=to_instance
        ),
        "letters never trained on": _drawn(
            "letters never trained on", unseen[::every], how="tidy", read=to_instance
        ),
    }
    for name, kind in NO_DIGIT_KINDS.items():
        rng = np.random.default_rng([SEED, number_of(kind)])
        made = [
            to_instance(
                canvas.perturbed(
                    negatives.outlier(kind, digits=validation, letters=letters.validation, rng=rng),
                    rng,
                )
            )
            for _ in range(SCRIBBLES // every)
        ]
        others[name] = Sample(name, np.stack(made), np.full(len(made), NOT_A_DIGIT_CLASS))
    return Samples(digits=digits, whole_canvas=whole_canvas, others=others)


def _drawn(
    name: str,
    drawings: Sequence[PenDrawing],
    *,
    how: str,
    read: Callable[[Image.Image], NDArray[np.float32]],
) -> Sample:
    rng = np.random.default_rng(SEED)
    instances, labels, people = [], [], []
    for drawing in drawings:
        for _ in range(1 if how == "tidy" else PERTURBED_DRAWINGS):
            picture = (
                canvas.clean(drawing.strokes)
                if how == "tidy"
                else canvas.perturbed(drawing.strokes, rng)
            )
            instances.append(read(picture))
            labels.append(int(drawing.label) if drawing.label.isdigit() else NOT_A_DIGIT_CLASS)
            people.append(drawing.person)
    return Sample(name, np.stack(instances), np.array(labels, np.int64), tuple(people))


def _whole_canvas(picture: Image.Image) -> NDArray[np.float32]:
    """The seed's own preprocessing: the whole canvas shrunk to 28x28."""
    small = ImageOps.invert(picture.convert("L")).resize((INSTANCE_SIZE, INSTANCE_SIZE))
    return np.asarray(small, np.float32) / 255
