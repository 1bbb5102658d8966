"""Snapshots of collected drawings, written without a database."""

from pathlib import Path
from typing import Any, cast
from uuid import UUID

from tests.webui.records.factory import make_record
from webui.datasets.labels import Labelled
from webui.datasets.snapshots import Written, write_snapshot
from webui.records.models import Record
from webui.records.store import RecordNotFound, RecordStore


class _Records:
    """Records by id, in the place of a store."""

    def __init__(self, records: list[Record]) -> None:
        self._records = {record.id: record for record in records}

    def get(self, record_id: UUID) -> Record:
        try:
            return self._records[record_id]
        except KeyError:
            raise RecordNotFound(str(record_id)) from None


def spiral(digit: int) -> list[list[list[float]]]:
    """Return ink of two strokes, another one for each digit."""
    first: list[list[float]] = [
        [100 + 9 * t, 100 + digit * 40 + (t % 7) * 30, t * 10] for t in range(30)
    ]
    return [first, [[500, 100, 400], [500 + digit * 20, 900, 450]]]


def collected(
    path: Path, *, writers: int = 12, labels: str = "0123456789", **changed: Any
) -> Written:
    """Write a snapshot of a drawing of each label by each of some writers."""
    records, labelled = [], []
    for writer in range(writers):
        for label in labels:
            values = {"visitor": f"{writer:032x}", "ink": spiral(int(label)), **changed}
            record = make_record(digit=int(label), **values)
            records.append(record)
            labelled.append(Labelled(record_id=record.id, label=label, source="review"))
    return write_snapshot(path, labelled, cast("RecordStore", _Records(records)))
