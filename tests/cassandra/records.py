"""Records for tests: any field can be said, the rest is plausible."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from webui.records.models import Record, instant_of, new_record_id
from webui.records.store import Filters
from webui.records_cassandra.store import CassandraStore
from webui.records_cassandra.tables.timeuuid import ticks_of


def id_at(instant: datetime) -> uuid.UUID:
    """A record id that names a given instant."""
    ticks = ticks_of(instant)
    made = new_record_id()
    fields = (ticks & 0xFFFFFFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) & 0x0FFF | 0x1000)
    return uuid.UUID(fields=(*fields, made.clock_seq_hi_variant, made.clock_seq_low, made.node))


def make_record(*, at: datetime | None = None, **fields: Any) -> Record:
    record_id = new_record_id() if at is None else id_at(at)
    values: dict[str, Any] = {
        "verdict": "digit",
        "digit": 7,
        "confidence": 0.987654321,
        "probabilities": [0.001] * 7 + [0.987654321] + [0.001] * 3,
        "model_name": "digits",
        "model_version": 1,
        "model_label": "stable",
        "latency_ms": 3.25,
        "visitor": "a1b2c3",
        "instance": bytes(range(256)) * 3 + bytes(16),
        "picture": b"\x89PNG\r\n\x1a\n not really" * 40,
        "ink": [[[1, 2, 0], [3, 4, 16]], [[5.5, 6, 40]]],
    } | fields
    return Record(id=record_id, predicted_at=instant_of(record_id), **values)


def equal(one: Record, other: Record) -> bool:
    fields = [field.name for field in Record._meta.get_fields()]
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def walk(store: CassandraStore, filters: Filters, *, size: int = 7) -> tuple[list[UUID], Any]:
    """Ids of every page from the newest to the oldest, and the last page."""
    ids: list[UUID] = []
    page = store.page(filters, size=size)
    while True:
        ids += [record.id for record in page.records]
        if page.older_than is None:
            return ids, page
        page = store.page(filters, size=size, older_than=page.older_than)


def walk_back(store: CassandraStore, filters: Filters, page: Any, *, size: int = 7) -> list[UUID]:
    ids = [record.id for record in page.records]
    while page.newer_than is not None:
        page = store.page(filters, size=size, newer_than=page.newer_than)
        ids = [record.id for record in page.records] + ids
    return ids


def newest_first(records: Iterable[Record]) -> list[UUID]:
    return [record.id for record in reversed(list(records))]
