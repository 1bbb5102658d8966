"""The notes by which readers find buckets, written before the first record of a bucket.

A note is an upsert, made once per process and bucket and then remembered, so that all but
the first record of a bucket pay nothing for it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from webui.records.models import Record, instant_of
from webui.records_cassandra.buckets import Facet, facets_of, month_of
from webui.records_cassandra.connection import Link
from webui.records_cassandra.grain import Grain
from webui.records_cassandra.rows import microseconds
from webui.records_cassandra.statements import Statements

REMEMBERED = 50_000  # notes; about ten megabytes, months of one-hour buckets
# With a time to live, a note is written again after this long and outlives the last record
# written under it by the margin.
RENEWED_AFTER = timedelta(hours=1)
MARGIN = timedelta(hours=1)
# Notes are stamped with the instant at which they end, so that of two processes with
# different times to live the longer one wins. This is the end of those that stay.
NEVER = datetime(2262, 1, 1, tzinfo=UTC)

GRAINS = "grain"
MODEL_VERSIONS = "model_version"


def months_kind(facet: Facet, grain: Grain) -> str:
    """The catalog's kind under which the months of a facet's buckets are listed."""
    return f"months of {grain.value} buckets, {facet}"


class Marks:
    """Makes and remembers notes for one process; safe for threads."""

    def __init__(self, link: Link, statements: Statements, time_to_live: timedelta | None) -> None:
        self._link = link
        self._statements = statements
        self._time_to_live = time_to_live
        self._made: OrderedDict[tuple[Any, ...], float] = OrderedDict()
        self._lock = threading.Lock()

    def make(self, records: Iterable[tuple[Record, Grain]]) -> None:
        """Returns when every note that these records need is kept.

        Raises:
            StoreUnavailable
        """
        wholes: list[tuple[Any, ...]] = []
        needed: dict[tuple[Any, ...], None] = {}  # each once, in this order
        for record, grain in records:
            start = grain.start(instant_of(record.id))
            whole = (grain, start, record.model_version, record.digit, record.verdict)
            if not self._remembers(whole):
                wholes.append(whole)
                keys = self._keys(record, grain, start)
                needed.update((key, None) for key in keys if not self._remembers(key))
        answers = self._link.answers(self._bound(key) for key in needed)
        for key, _ in zip(needed, answers, strict=True):
            self._remember(key)
        for whole in wholes:
            self._remember(whole)

    def _keys(self, record: Record, grain: Grain, start: datetime) -> Iterator[tuple[Any, ...]]:
        yield "catalog", GRAINS, grain.value
        yield "catalog", MODEL_VERSIONS, str(record.model_version)
        month = month_of(start)
        for facet in facets_of(
            model_version=record.model_version, digit=record.digit, verdict=record.verdict
        ):
            yield "catalog", months_kind(facet, grain), month
            yield "bucket", str(facet), grain.value, month, start

    def _bound(self, key: tuple[Any, ...]) -> Any:
        table, *values = key
        statement = (
            self._statements.insert_catalog
            if table == "catalog"
            else self._statements.insert_bucket
        )
        ends, ttl = NEVER, 0
        if self._time_to_live is not None:
            lives = self._time_to_live + RENEWED_AFTER + MARGIN
            ends, ttl = datetime.now(UTC) + lives, int(lives.total_seconds())
        return self._link.prepared(statement).bind((*values, microseconds(ends), ttl))

    def _remembers(self, key: tuple[Any, ...]) -> bool:
        with self._lock:
            made_at = self._made.get(key)
            if made_at is None:
                return False
            if self._time_to_live is not None:
                return time.monotonic() - made_at < RENEWED_AFTER.total_seconds()
            self._made.move_to_end(key)
            return True

    def _remember(self, key: tuple[Any, ...]) -> None:
        with self._lock:
            self._made[key] = time.monotonic()
            self._made.move_to_end(key)
            while len(self._made) > REMEMBERED:
                self._made.popitem(last=False)

    def forget(self) -> None:
        """For when tables were emptied or replaced behind our back."""
        with self._lock:
            self._made.clear()
