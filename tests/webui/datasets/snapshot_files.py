"""Snapshots of records for tests."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.webui.records.factory import append_records
from webui.datasets.labels import Labelled
from webui.datasets.snapshots import Written, write_snapshot
from webui.records.models import Record
from webui.records.store import RecordStore


def records_of_writers(store: RecordStore, *, writers: int, digits: int = 10) -> list[Record]:
    """Append a drawing of each digit by each of some writers."""
    return [
        record
        for writer in range(writers)
        for digit in range(digits)
        for record in append_records(store, 1, visitor=f"{writer:032x}", digit=digit)
    ]


def reviewed(records: Iterable[Record]) -> list[Labelled]:
    """Return the records with what was predicted as their label."""
    return [
        Labelled(record_id=record.id, label=str(record.digit), source="review")
        for record in records
    ]


def snapshot(path: Path, store: RecordStore, labelled: Sequence[Labelled]) -> Written:
    return write_snapshot(path, labelled, store)


def contents(path: Path) -> dict[str, bytes]:
    """Return the bytes of each file."""
    return {file.name: file.read_bytes() for file in path.iterdir()}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
