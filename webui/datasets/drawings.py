"""One drawing of a snapshot: its canonical form, its id, and the side of the split."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from serving.verdict import NOT_A_DIGIT, NOT_A_DIGIT_CLASS
from webui.collection.writers import WRITER_LENGTH, writer_of
from webui.datasets.labels import Labelled
from webui.records.models import Record

TRAIN, TEST = "train", "test"
TEST_PERCENT = 20  # of the writers
DECIMALS = 2  # of ink, in thousandths of the sheet's side: finer than any pen
ID_LENGTH = 32  # hex digits


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A drawing as a snapshot holds it.

    Attributes:
        id: a hash of writer, ink and instance. Not the record's id, which tells the time.
        line: the canonical JSON of the drawing.
    """

    id: str
    split: str
    label: int  # 0 to 9; 10 is "not a digit"
    instance: bytes
    line: str
    record_id: str
    day: str
    model_version: int
    session: str
    source: str


def drawing_of(record: Record, labelled: Labelled) -> Drawing:
    """Return a record with its label as a drawing of a snapshot."""
    ink = canonical_ink(record.ink)
    instance = bytes(record.instance)
    writer = labelled.writer or _writer(record, ink, instance)
    label = NOT_A_DIGIT_CLASS if labelled.label == NOT_A_DIGIT else int(labelled.label)
    identity = hashlib.sha256(canonical_json([writer, ink]).encode() + instance)
    drawing_id = identity.hexdigest()[:ID_LENGTH]
    content = {
        "id": drawing_id,
        "label": label,
        "writer": writer,
        "session": labelled.session,
        "source": labelled.source,
        "ink": ink,
    }
    return Drawing(
        id=drawing_id,
        split=split_of(writer),
        label=label,
        instance=instance,
        line=canonical_json(content),
        record_id=str(record.id),
        day=record.predicted_at.date().isoformat(),
        model_version=record.model_version,
        session=labelled.session,
        source=labelled.source,
    )


def split_of(writer: str) -> str:
    """Return the side of a writer: a hash decides, so a writer never changes sides."""
    number = int.from_bytes(hashlib.sha256(f"split {writer}".encode()).digest()[:8], "big")
    return TEST if number % 100 < TEST_PERCENT else TRAIN


def canonical_ink(ink: Any) -> list[list[list[int | float]]] | None:
    """Return ink with the same numbers, however a store has kept them; None without ink."""
    if not ink:
        return None
    return [[[_number(value) for value in point] for point in stroke] for stroke in ink]


def canonical_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _number(value: float) -> int | float:
    rounded = round(float(value), DECIMALS)
    return int(rounded) if rounded.is_integer() else rounded


def _writer(record: Record, ink: object, instance: bytes) -> str:
    """Return the writer of a drawing; one who is unknown has drawn nothing else."""
    if record.visitor:
        return writer_of(record.visitor)
    content = canonical_json(ink).encode() + instance
    return hashlib.sha256(b"unknown writer " + content).hexdigest()[:WRITER_LENGTH]
