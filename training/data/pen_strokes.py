"""Pen strokes by many writers of several collections, split by writer and by source.

A source is a laboratory of UNIPEN, or another collection: its people share a tablet, a form and a
school system. A split by sample overstates accuracy, since one writer's digits look alike, and a
split by writer within one source still does. So `training.validate_sources` leaves whole sources
out, and the bundled network, which is trained on all of them, holds out about every tenth writer.
"""

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data.strokes import Stroke, float32

DIGITS = "digits.jsonl.gz"
LETTERS = "other.jsonl.gz"


@dataclass(frozen=True)
class Collection:
    """A published collection of pen strokes, in a folder of the data folder."""

    folder: str
    title: str
    licence: str
    origin: str
    files: tuple[str, ...] = (DIGITS, LETTERS)


COLLECTIONS = (
    Collection(
        "pen-strokes",
        "UNIPEN train_r01_v07: digits and letters of twelve laboratories",
        "CC BY 4.0",
        "doi 10.5281/zenodo.1195803",
    ),
    Collection(
        "uji-pen-characters",
        "UJI Pen Characters, version 2: digits of 60 people in Spain",
        "CC BY 4.0",
        "doi 10.24432/C5FG8S",
        (DIGITS,),
    ),
    Collection(
        "lipitk-numerals",
        "Lipi Toolkit 3.0, numerals: digits of 8 people in India",
        "MIT",
        "github.com/pablospe/LipiTk",
        (DIGITS,),
    ),
    Collection(
        "numberpad",
        "NumberPad: digits and letters of one person with a finger on an iPad",
        "Apache-2.0",
        "github.com/bridger/NumberPad",
    ),
)
HELD_OUT_WRITERS_IN = 10  # of each source, about one writer in ten is held out
# Nine people of `syn` wrote half of UNIPEN's digits. Who wrote more than this is trained on, with
# fewer variants a drawing, and is not held out: one of them would outweigh the other writers.
PROLIFIC = 300
HELD_OUT_LETTERS = frozenset("FKWfkw")  # kinds that are not trained on: they test unknown drawings


class PenStrokesMissing(FileNotFoundError):
    """A file of pen strokes does not exist."""


@dataclass(frozen=True)
class PenDrawing:
    """One character as a person wrote it, with coordinates of 0 to 1000."""

    label: str
    donor: str  # its source: the laboratory or the collection
    writer: str
    strokes: tuple[Stroke, ...]

    @property
    def person(self) -> str:
        """The writer's name, unique among all sources."""
        return f"{self.donor}/{self.writer}"


@dataclass(frozen=True)
class Split:
    """Drawings by use; each person is in one part only."""

    training: list[PenDrawing]
    left_out: list[PenDrawing]  # by everyone of the sources that are left out
    other_writers: list[PenDrawing]  # by held-out writers of the other sources

    @property
    def validation(self) -> list[PenDrawing]:
        """The drawings of everyone held out."""
        return self.left_out + self.other_writers


def load_digits(data_dir: Path) -> list[PenDrawing]:
    """Return the digits of all collections; `data_dir` is the folder that holds their folders."""
    return _load(data_dir, DIGITS)


def load_letters(data_dir: Path) -> list[PenDrawing]:
    """Return the letters, none of which looks like a digit; `data_dir` as above."""
    return _load(data_dir, LETTERS)


def checksums(data_dir: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, for the training metadata."""
    return {
        f"{collection.folder}/{name}": "sha256:"
        + hashlib.sha256(_path(data_dir, collection, name).read_bytes()).hexdigest()
        for collection in COLLECTIONS
        for name in collection.files
    }


def described(data_dir: Path) -> dict[str, dict[str, Any]]:
    """Return title, licence, origin and checksums of each collection, by folder."""
    sums = checksums(data_dir)
    return {
        collection.folder: {
            "title": collection.title,
            "licence": collection.licence,
            "origin": collection.origin,
            "sha256": {
                name: sums[f"{collection.folder}/{name}"].removeprefix("sha256:")
                for name in collection.files
            },
        }
        for collection in COLLECTIONS
    }


def split(drawings: Sequence[PenDrawing], left_out: Names[str] = ()) -> Split:
    """Split digits or letters by person and source, whatever their order.

    Args:
        drawings: digits or letters.
        left_out: sources of which nobody is trained on.
    """
    counts = Counter(drawing.person for drawing in drawings)
    parts = Split([], [], [])
    for drawing in drawings:
        if drawing.donor in left_out:
            parts.left_out.append(drawing)
        elif _is_held_out(drawing.person) and counts[drawing.person] <= PROLIFIC:
            parts.other_writers.append(drawing)
        else:
            parts.training.append(drawing)
    return parts


def _is_held_out(person: str) -> bool:
    return zlib.crc32(person.encode()) % HELD_OUT_WRITERS_IN == 0


def _path(data_dir: Path, collection: Collection, name: str) -> Path:
    path = data_dir / collection.folder / name
    if not path.is_file():
        folders = ", ".join(f"{each.folder}/" for each in COLLECTIONS)
        raise PenStrokesMissing(
            f"{path} is missing: --data must name the folder that holds mnist/, {folders} "
            f"({collection.title}, as JSON lines; docs/training.md describes the format)"
        )
    return path


def _load(data_dir: Path, name: str) -> list[PenDrawing]:
    drawings = []
    for collection in COLLECTIONS:
        if name in collection.files:
            with gzip.open(_path(data_dir, collection, name), "rt", encoding="utf-8") as lines:
                drawings += [_drawing(json.loads(line)) for line in lines]
    return drawings


def _drawing(row: dict[str, Any]) -> PenDrawing:
    strokes = tuple(float32(points).reshape(-1, 2) for points in row["strokes"] if points)
    return PenDrawing(row["label"], row["donor"], str(row["writer"]), strokes)
