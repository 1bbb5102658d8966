"""Pen strokes for the tests: where the real ones are, and made-up ones."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from training.data.pen_strokes import COLLECTIONS, DIGITS, LETTERS, PenDrawing
from training.data.strokes import polyline
from training.paths import DATA

HAS_PENS = all((DATA / each.folder / DIGITS).is_file() for each in COLLECTIONS)
WHERE = f"{DATA} (the collections of pen strokes; see docs/training.md)"

CROSS = [polyline((0, 500), (1000, 500)), polyline((500, 0), (500, 1000))]


def drawing(
    label: str = "4", donor: str = "lab", writer: str = "w", points: int = 20
) -> PenDrawing:
    """Return a spiral with the given label."""
    t = np.linspace(0, 7, points)
    spiral = np.stack([500 + 60 * t * np.cos(t), 500 + 70 * t * np.sin(t)], 1)
    return PenDrawing(label, donor, writer, (spiral.astype(np.float32),))


def write_pen_strokes(
    data_dir: Path,
    *,
    digits: Iterable[tuple[str, str, str]],
    letters: Iterable[tuple[str, str, str]],
) -> None:
    """Write `data_dir`/pen-strokes with one wave for each (label, donor, writer).

    The other collections are written without a drawing.
    """
    for collection in COLLECTIONS:
        (data_dir / collection.folder).mkdir(parents=True)
        for name in collection.files:
            with gzip.open(data_dir / collection.folder / name, "wt"):
                pass
    folder = data_dir / "pen-strokes"
    for name, drawings in ((DIGITS, digits), (LETTERS, letters)):
        with gzip.open(folder / name, "wt") as file:
            for number, (label, donor, writer) in enumerate(drawings):
                phase = ord(label) + number
                wave = [[100 * i, int(500 + 400 * np.sin(i + phase))] for i in range(11)]
                row = {"label": label, "donor": donor, "writer": writer, "strokes": [wave]}
                file.write(json.dumps(row) + "\n")
