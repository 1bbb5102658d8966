"""Pen strokes by many writers (UNIPEN, see docs/training.md), split by writer and laboratory.

A split by sample overstates accuracy, since one writer's digits look alike. A split by writer
within one laboratory still does, since its writers share a tablet, a form and a school system. So
three whole laboratories are held out, and of the others about every tenth writer.
"""

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data.strokes import Stroke, float32

FOLDER = "pen-strokes"
FILES = ("digits.jsonl.gz", "other.jsonl.gz")
# Laboratories that are not trained on: 30 writers of digits, from other countries and with other
# tablets than the laboratories most training digits come from (apa, apb, app, syn).
HELD_OUT_DONORS = frozenset({"aga", "pri", "lou"})
HELD_OUT_WRITERS_IN = 10  # of the other laboratories, about one writer in ten is held out, too
# Nine people of `syn` wrote 44 % of all digits. Who wrote more than this is trained on, with fewer
# variants a drawing, and is not held out: one of them would outweigh the other held-out writers.
PROLIFIC = 300
HELD_OUT_LETTERS = frozenset("FKWfkw")  # kinds that are not trained on: they test unknown drawings


class PenStrokesMissing(FileNotFoundError):
    """A file of pen strokes does not exist."""


@dataclass(frozen=True)
class PenDrawing:
    """One character as a person wrote it, with coordinates of 0 to 1000."""

    label: str
    donor: str  # laboratory that collected it
    writer: str
    strokes: tuple[Stroke, ...]

    @property
    def person(self) -> str:
        """The writer's name, unique among all laboratories."""
        return f"{self.donor}/{self.writer}"


@dataclass(frozen=True)
class Split:
    """Drawings by use; each person is in one part only."""

    training: list[PenDrawing]
    other_laboratories: list[PenDrawing]  # by writers of HELD_OUT_DONORS
    other_writers: list[PenDrawing]  # by held-out writers of laboratories that are trained on

    @property
    def validation(self) -> list[PenDrawing]:
        """The drawings of everyone held out."""
        return self.other_laboratories + self.other_writers


def load_digits(data_dir: Path) -> list[PenDrawing]:
    """Return the 9,960 digits; `data_dir` is the folder that holds `pen-strokes/`."""
    return _load(data_dir, "digits.jsonl.gz")


def load_letters(data_dir: Path) -> list[PenDrawing]:
    """Return the 6,000 letters, none of which looks like a digit; `data_dir` as above."""
    return _load(data_dir, "other.jsonl.gz")


def checksums(data_dir: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, for the training metadata."""
    return {
        f"{FOLDER}/{name}": "sha256:"
        + hashlib.sha256(_path(data_dir, name).read_bytes()).hexdigest()
        for name in FILES
    }


def split(drawings: Sequence[PenDrawing]) -> Split:
    """Split digits or letters by person and laboratory, whatever their order."""
    counts = Counter(drawing.person for drawing in drawings)
    parts = Split([], [], [])
    for drawing in drawings:
        if drawing.donor in HELD_OUT_DONORS:
            parts.other_laboratories.append(drawing)
        elif _is_held_out(drawing.person) and counts[drawing.person] <= PROLIFIC:
            parts.other_writers.append(drawing)
        else:
            parts.training.append(drawing)
    return parts


def _is_held_out(person: str) -> bool:
    return zlib.crc32(person.encode()) % HELD_OUT_WRITERS_IN == 0


def _path(data_dir: Path, name: str) -> Path:
    path = data_dir / FOLDER / name
    if not path.is_file():
        raise PenStrokesMissing(
            f"{path} is missing: --data must name the folder that holds mnist/ and pen-strokes/ "
            "(UNIPEN train_r01_v07 as JSON lines; docs/training.md describes the format)"
        )
    return path


def _load(data_dir: Path, name: str) -> list[PenDrawing]:
    with gzip.open(_path(data_dir, name), "rt", encoding="utf-8") as lines:
        return [_drawing(json.loads(line)) for line in lines]


def _drawing(row: dict[str, Any]) -> PenDrawing:
    strokes = tuple(float32(points).reshape(-1, 2) for points in row["strokes"] if points)
    return PenDrawing(row["label"], row["donor"], row["writer"], strokes)
