"""The people of the demonstration: who takes part, who stays a stranger, and their drawings."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from training.data import canvas

COLLECTION = "uji-pen-characters"  # 60 people in Spain, with flagged 1s, crossed 7s and open 4s
DIGITS = "digits.jsonl.gz"
STROKE_MS, POINT_MS = 300, 12  # between strokes and points; the collection has no times


@dataclass(frozen=True)
class Drawing:
    """One digit that a person wrote."""

    label: str
    strokes: list[list[list[float]]]

    @property
    def picture(self) -> bytes:
        """The drawing as the page sends it: a PNG, black on white."""
        png = BytesIO()
        canvas.clean(self.strokes).save(png, "PNG")
        return png.getvalue()

    @property
    def ink(self) -> list[list[list[float]]]:
        """The pen's path on the page's sheet of 1000 by 1000, as large as people draw there."""
        points = np.array([point for stroke in self.strokes for point in stroke], float)
        low, high = points.min(0), points.max(0)
        scale = 1000 * (canvas.CLEAN_SCALE - canvas.CLEAN_BRUSH) / max(float((high - low).max()), 1)
        time, ink = 0, []
        for stroke in self.strokes:
            moved = (np.array(stroke, float) - (low + high) / 2) * scale + 500
            path = [[round(float(x), 1), round(float(y), 1), 0.0] for x, y in moved]
            for point in path:
                point[2] = time
                time += POINT_MS
            time += STROKE_MS
            ink.append(path)
        return ink


@dataclass(frozen=True)
class Person:
    """A writer of the collection, with all their digits."""

    name: str
    drawings: list[Drawing]


def people(data: Path) -> list[Person]:
    """Return the collection's writers, in an order that says nothing about them."""
    found: dict[str, list[Drawing]] = {}
    for row in _rows(data / COLLECTION / DIGITS):
        strokes = [stroke for stroke in row["strokes"] if stroke]
        found.setdefault(str(row["writer"]), []).append(Drawing(row["label"], strokes))
    names = sorted(found, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return [Person(name, found[name]) for name in names]


def write_view(
    data: Path,
    view: Path,
    *,
    keep: Callable[[str], bool],
    digits_every: int = 1,
    letters_every: int = 1,
) -> None:
    """Write a data folder in which the collection has only some writers.

    Args:
        data: the whole data folder.
        view: is created.
        keep: tells whether a writer of the collection is in it.
        digits_every: keep only every n-th digit of the other collections.
        letters_every: keep only every n-th letter of them.
    """
    view.mkdir(parents=True)
    (view / "mnist").symlink_to((data / "mnist").resolve())
    for folder in sorted(path for path in data.iterdir() if any(path.glob("*.jsonl.gz"))):
        (view / folder.name).mkdir()
        for file in folder.glob("*.jsonl.gz"):
            target = view / folder.name / file.name
            if folder.name == COLLECTION:
                _write_rows(target, (r for r in _rows(file) if keep(str(r["writer"]))))
            elif (every := digits_every if file.name == DIGITS else letters_every) > 1:
                rows = (row for number, row in enumerate(_rows(file)) if number % every == 0)
                _write_rows(target, rows)
            else:
                shutil.copyfile(file, target)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _write_rows(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
