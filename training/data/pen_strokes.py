"""People's pen strokes (UNIPEN, see docs/training.md) and who is trained on, who only judges.

A split by sample flatters, since a writer's digits look alike; a split by writer within one
laboratory still flatters, since its tablet, its form and its schools are shared. So three whole
laboratories judge, and of the other laboratories every tenth writer.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Stroke = NDArray[np.float32]
Strokes = Sequence[Stroke]  # each (points, 2): x to the right, y down, 0..1000

# Whole laboratories that no training sees: 30 writers of digits, other countries and tablets than
# the Apple laboratories (apa, apb, app) and `syn`, where nearly all the training digits come from.
HELD_OUT_DONORS = frozenset({"aga", "pri", "lou"})
# Of the other laboratories, writers whose checksum falls here judge too (about one in ten) ...
HELD_OUT_WRITERS_IN = 10
# ... but nobody who wrote more than this: nine people of `syn` wrote 44 % of all the digits, and
# one of them among the judges would outvote the other forty.
PROLIFIC = 300
# Letters that no training sees, to measure how a drawing of an unknown kind is told from a digit.
HELD_OUT_LETTERS = frozenset("FKWfkw")


class PenStrokesMissing(FileNotFoundError):
    """The pen strokes are not where they were looked for."""


@dataclass(frozen=True)
class PenDrawing:
    """One character as somebody wrote it."""

    label: str
    donor: str
    writer: str
    strokes: tuple[Stroke, ...]

    @property
    def person(self) -> str:
        return f"{self.donor}/{self.writer}"


@dataclass(frozen=True)
class Split:
    """Drawings by what they may be used for; no person is in two parts."""

    training: list[PenDrawing]
    other_laboratories: list[PenDrawing]  # by people of HELD_OUT_DONORS
    other_writers: list[PenDrawing]  # by held-out people of laboratories that are trained on

    @property
    def validation(self) -> list[PenDrawing]:
        return self.other_laboratories + self.other_writers


def load_digits(data_dir: Path) -> list[PenDrawing]:
    """The 9,960 digits; `data_dir` is the folder that holds `pen-strokes/`."""
    return _load(data_dir, "digits.jsonl.gz")


def load_other(data_dir: Path) -> list[PenDrawing]:
    """The 6,000 letters that look like no digit; `data_dir` as in `load_digits`."""
    return _load(data_dir, "other.jsonl.gz")


def checksums(data_dir: Path) -> dict[str, str]:
    """SHA-256 of the files read, for the record of how a model was made."""
    return {
        f"pen-strokes/{name}": "sha256:"
        + hashlib.sha256(_found(data_dir, name).read_bytes()).hexdigest()
        for name in ("digits.jsonl.gz", "other.jsonl.gz")
    }


def split(drawings: Sequence[PenDrawing]) -> Split:
    """Divides by person and laboratory, the same way every time, digits and letters alike."""
    counts: dict[str, int] = {}
    for drawing in drawings:
        counts[drawing.person] = counts.get(drawing.person, 0) + 1
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


def _found(data_dir: Path, name: str) -> Path:
    path = data_dir / "pen-strokes" / name
    if not path.is_file():
        raise PenStrokesMissing(
            f"{path} is missing: --data must name the folder that holds mnist/ and pen-strokes/ "
            "(UNIPEN train_r01_v07 as JSON lines; docs/training.md says how they look)"
        )
    return path


def _load(data_dir: Path, name: str) -> list[PenDrawing]:
    path = _found(data_dir, name)
    drawings = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            drawings.append(
                PenDrawing(
                    label=row["label"],
                    donor=row["donor"],
                    writer=row["writer"],
                    strokes=tuple(
                        np.asarray(stroke, np.float32).reshape(-1, 2)
                        for stroke in row["strokes"]
                        if stroke
                    ),
                )
            )
    return drawings
