"""Samples for validation and evaluation: instances that the network was not trained on.

They are MNIST's test set, and pen strokes of the writers that `training.data.pen_strokes.split`
holds out.
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
from training.data.instances import seed_from
from training.data.pen_strokes import HELD_OUT_LETTERS, PenDrawing, load_digits, load_letters, split
from training.data.strokes import Stroke

PERTURBED_DRAWINGS = 3  # of each pen drawing
NEGATIVES_OF_A_KIND = 300
QUICK_EVERY = 8  # a quick look takes every eighth drawing
# Two seeds, so that the temperature and the thresholds, chosen in validation, are evaluated on
# drawings that were perturbed differently.
VALIDATION_SEED = 0
EVALUATION_SEED = 20
SEEN_LETTERS = "letters of kinds trained on"
UNSEEN_LETTERS = "letters never trained on"
# Kinds of training.data.negatives that are made from strokes of held-out writers or by chance.
# Symbols are left out: they are trained on, so they would overstate the AUROC.
NEGATIVES = {
    "scribble": "scribbles",
    "several": "several digits",
    "turned": "turned digits",
    "recombined": "recombined strokes",
    "crossed out": "crossed-out digits",
    "lines": "lines",
    "dots": "dots",
}

Preprocess = Callable[[Image.Image], NDArray[np.float32]]


@dataclass(frozen=True)
class Sample:
    """Instances of one kind."""

    name: str
    instances: NDArray[np.float32]  # (n, 28, 28), 0..1
    labels: NDArray[np.int64]  # (n,); 10 is "not a digit"
    people: tuple[str, ...] = ()  # who drew each, "source/writer"; empty if unknown

    @property
    def people_array(self) -> NDArray[np.str_]:
        return np.array(self.people)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Samples:
    """All samples that a network or a version is measured on."""

    digits: dict[str, Sample]  # "mnist", "clean", "perturbed"
    negatives: dict[str, Sample]  # SEEN_LETTERS, UNSEEN_LETTERS and the values of NEGATIVES
    # "clean" and "perturbed" as the original demo preprocessed them, for evaluation only.
    whole_canvas: dict[str, Sample]


def load_for_evaluation(data: Path | None, *, quick: bool = False) -> Samples:
    """Load MNIST's test set and render all drawings, the same every time.

    Args:
        data: folder with mnist/ and pen-strokes/; None if MNIST has to be downloaded.
        quick: load a part of each.

    Raises:
        training.data.mnist.MnistError, training.data.pen_strokes.PenStrokesMissing
    """
    images, labels = mnist.load(data / "mnist" if data else None)[1]
    part = slice(1000 if quick else None)
    mnist_test = Sample(
        "MNIST test set",
        np.divide(images[part], 255, dtype=np.float32),
        labels[part].astype(np.int64),
    )
    if data is None or not (data / "pen-strokes").is_dir():
        return Samples(digits={"mnist": mnist_test}, negatives={}, whole_canvas={})
    every = QUICK_EVERY if quick else 1
    drawn = load_drawings(data, seed=EVALUATION_SEED, every=every)
    return Samples(
        digits={"mnist": mnist_test, **drawn.digits},
        negatives=drawn.negatives,
        whole_canvas=_pen_digits(
            split(load_digits(data)).validation[::every],
            seed=EVALUATION_SEED,
            preprocess=_shrink_whole_canvas,
        ),
    )


def load_drawings(data: Path, *, seed: int, every: int = 1) -> Samples:
    """Render the drawings of held-out writers, the same every time.

    Args:
        data: folder with pen-strokes/.
        seed: random seed of perturbations and negatives.
        every: render only every n-th drawing.

    Raises:
        training.data.pen_strokes.PenStrokesMissing
    """
    digits = split(load_digits(data)).validation
    letters = split(load_letters(data))
    # Of kinds that nobody's are trained on, the letters of everybody.
    unseen = [letter for letter in letters.training if letter.label in HELD_OUT_LETTERS]
    drawn, negative = draw_samples(digits, letters.validation + unseen, seed=seed, every=every)
    return Samples(digits=drawn, negatives=negative, whole_canvas={})


def draw_samples(
    digits: Sequence[PenDrawing],
    letters: Sequence[PenDrawing],
    *,
    seed: int,
    every: int = 1,
    perturbed: int = PERTURBED_DRAWINGS,
) -> tuple[dict[str, Sample], dict[str, Sample]]:
    """Render digits, letters and generated negatives of people who were not trained on.

    Args:
        digits: "clean" and "perturbed" in the result; negatives are made of them, too.
        letters: of kinds trained on and of kinds never trained on.
        seed: random seed of perturbations and negatives.
        every: render only every n-th digit and letter, and fewer negatives.
        perturbed: perturbed renderings of each digit.

    Returns:
        The digits and the negatives; a kind of letters that is empty is left out.
    """
    kinds = {
        SEEN_LETTERS: [letter for letter in letters if letter.label not in HELD_OUT_LETTERS],
        UNSEEN_LETTERS: [letter for letter in letters if letter.label in HELD_OUT_LETTERS],
    }
    samples = {
        name: rendered(name, some[::every], canvas.clean) for name, some in kinds.items() if some
    }
    for kind, name in NEGATIVES.items():
        rng = np.random.default_rng([seed, seed_from(kind)])
        instances = []
        for _ in range(NEGATIVES_OF_A_KIND // every):
            strokes = negatives.negative(kind, digits=digits, letters=letters, rng=rng)
            instances.append(to_instance(canvas.perturbed(strokes, rng)))
        samples[name] = Sample(
            name, np.stack(instances), np.full(len(instances), NOT_A_DIGIT_CLASS)
        )
    return _pen_digits(digits[::every], seed=seed, perturbed=perturbed), samples


def _pen_digits(
    drawings: Sequence[PenDrawing],
    *,
    seed: int,
    perturbed: int = PERTURBED_DRAWINGS,
    preprocess: Preprocess = to_instance,
) -> dict[str, Sample]:
    rng = np.random.default_rng(seed)
    return {
        "clean": rendered("pen digits, clean", drawings, canvas.clean, preprocess=preprocess),
        "perturbed": rendered(
            "pen digits, perturbed",
            drawings,
            lambda strokes: canvas.perturbed(strokes, rng),
            times=perturbed,
            preprocess=preprocess,
        ),
    }


def rendered(
    name: str,
    drawings: Sequence[PenDrawing],
    draw: Callable[[Sequence[Stroke]], Image.Image],
    *,
    times: int = 1,
    preprocess: Preprocess = to_instance,
) -> Sample:
    """Draw and preprocess each drawing a number of times."""
    repeated = [drawing for drawing in drawings for _ in range(times)]
    labels = [
        int(drawing.label) if drawing.label.isdigit() else NOT_A_DIGIT_CLASS for drawing in repeated
    ]
    return Sample(
        name,
        np.stack([preprocess(draw(drawing.strokes)) for drawing in repeated]),
        np.array(labels, np.int64),
        tuple(drawing.person for drawing in repeated),
    )


def _shrink_whole_canvas(picture: Image.Image) -> NDArray[np.float32]:
    """Preprocess as the original demo did: the whole canvas shrunk to 28x28."""
    small = ImageOps.invert(picture.convert("L")).resize((INSTANCE_SIZE, INSTANCE_SIZE))
    return np.asarray(small, np.float32) / np.float32(255)
