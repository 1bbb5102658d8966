"""The frozen tests of the gate: drawings that no version is trained on, the same every time.

They are MNIST's test set, pen digits and letters of the writers that `training.data.pen_strokes`
holds out of every collection, and the test part of a data set snapshot. Each digit is there once
clean and once perturbed, so that pairs are independent but for their writers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.data import canvas, mnist
from training.data.pen_strokes import (
    HELD_OUT_LETTERS,
    PenDrawing,
    PenStrokesMissing,
    load_digits,
    load_letters,
    split,
)
from training.data.snapshot import as_recorded, read_snapshot
from training.evaluation.samples import QUICK_EVERY, SEEN_LETTERS, UNSEEN_LETTERS, Sample, rendered

SEED = 40  # of the perturbations; not those of validation or evaluation
MNIST_TEST = "MNIST test set"
HELD_OUT = "held-out writers"
REVIEWED = "reviewed drawings"


@dataclass
class FrozenTests:
    """The samples that the gate compares on.

    Attributes:
        digits: for accuracy; labels 0 to 10, 10 is "not a digit".
        calibration: names of `digits` whose calibration is compared as well.
        clean: names of `digits` that are compared with negatives.
        negatives: for the AUROC.
        left_out: tests whose data were missing.
        snapshot: the hash of the snapshot that was read, if one was.
    """

    digits: dict[str, Sample] = field(default_factory=dict)
    calibration: list[str] = field(default_factory=list)
    clean: list[str] = field(default_factory=list)
    negatives: dict[str, Sample] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    snapshot: str = ""


def load(data: Path | None, *, snapshot: Path | None = None, quick: bool = False) -> FrozenTests:
    """Load and render the tests; what is missing in the data folder is left out and listed.

    Args:
        data: folder with mnist/ and the collections of pen strokes; None if MNIST has to be
            downloaded.
        snapshot: folder of a data set snapshot, whose test part is added.
        quick: take a part of each.

    Raises:
        training.data.mnist.MnistError, training.data.snapshot.SnapshotError
    """
    every = QUICK_EVERY if quick else 1
    tests = FrozenTests()
    images, labels = mnist.load(data / "mnist" if data else None)[1]
    tests.digits[MNIST_TEST] = Sample(
        MNIST_TEST,
        np.divide(images[::every], 255, dtype=np.float32),
        labels[::every].astype(np.int64),
    )
    tests.calibration.append(MNIST_TEST)
    try:
        if data is None:
            raise PenStrokesMissing
        _add_pen_strokes(tests, data, every=every)
    except PenStrokesMissing:
        tests.left_out += [HELD_OUT, SEEN_LETTERS, UNSEEN_LETTERS]
    if snapshot is None:
        tests.left_out.append(REVIEWED)
    else:
        _add_snapshot(tests, snapshot)
    return tests


def _add_pen_strokes(tests: FrozenTests, data: Path, *, every: int) -> None:
    """Add digits and letters of held-out writers of all collections.

    Raises:
        PenStrokesMissing
    """
    letters = split(load_letters(data))
    _add_digits(tests, HELD_OUT, split(load_digits(data)).validation[::every])
    # Of kinds that nobody's are trained on, the letters of everybody.
    kinds = {
        SEEN_LETTERS: [one for one in letters.validation if one.label not in HELD_OUT_LETTERS],
        UNSEEN_LETTERS: [
            one for one in letters.training + letters.validation if one.label in HELD_OUT_LETTERS
        ],
    }
    for name, drawings in kinds.items():
        if some := drawings[::every]:
            tests.negatives[name] = rendered(name, some, canvas.clean)
        else:
            tests.left_out.append(name)


def _add_digits(tests: FrozenTests, name: str, drawings: Sequence[PenDrawing]) -> None:
    if not drawings:
        tests.left_out.append(name)
        return
    rng = np.random.default_rng(SEED)
    clean, perturbed = f"{name}, clean", f"{name}, perturbed"
    tests.digits[clean] = rendered(clean, drawings, canvas.clean)
    tests.digits[perturbed] = rendered(
        perturbed, drawings, lambda strokes: canvas.perturbed(strokes, rng)
    )
    tests.clean.append(clean)
    tests.calibration.append(perturbed)


def _add_snapshot(tests: FrozenTests, folder: Path) -> None:
    """Add the test part of a snapshot, which no training reads (docs/learning.md#snapshots).

    Raises:
        training.data.snapshot.SnapshotError
    """
    snapshot = read_snapshot(folder)
    tests.snapshot = snapshot.sha256
    if not snapshot.test:
        tests.left_out.append(REVIEWED)
        return
    recorded = as_recorded(snapshot.test)
    tests.digits[REVIEWED] = Sample(
        REVIEWED,
        np.divide(recorded.images, 255, dtype=np.float32),
        recorded.labels.astype(np.int64),
        tuple(drawing.writer for drawing in snapshot.test),
    )
    tests.calibration.append(REVIEWED)


def checksum(tests: FrozenTests) -> str:
    """Return a digest of all instances and labels, so that two verdicts can be compared."""
    digest = hashlib.sha256()
    for name, sample in sorted({**tests.digits, **tests.negatives}.items()):
        digest.update(name.encode())
        digest.update(sample.instances.tobytes())
        digest.update(sample.labels.tobytes())
    return "sha256:" + digest.hexdigest()
