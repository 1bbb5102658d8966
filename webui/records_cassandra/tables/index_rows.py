"""Index rows, by which readers find buckets, written before the first record of a bucket.

An index row is an upsert, made once per process and bucket and then remembered, so that only
the first record of a bucket pays for it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from webui.records.models import Record, instant_of
from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.cql.statements import Statements
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.buckets import month_of
from webui.records_cassandra.tables.catalog import LAYOUTS, MODEL_VERSIONS, months_kind
from webui.records_cassandra.tables.filter_combinations import filter_combinations_of
from webui.records_cassandra.tables.rows import microseconds

REMEMBERED = 50_000  # index rows; about ten megabytes, months of one-hour buckets
# With a time to live, an index row is written again after this long, and outlives the last
# record that was written under it by the margin.
RENEWED_AFTER = timedelta(hours=1)
MARGIN = timedelta(hours=1)
# The write timestamp of an index row is the instant at which it expires, so that of two
# processes with different times to live the longer one wins. Rows without one use this instant.
NEVER = datetime(2262, 1, 1, tzinfo=UTC)

# A table ("catalog" or "bucket") and the values of an index row's columns; or the values of a
# record that decide which index rows it needs.
Key = tuple[Any, ...]


class IndexRows:
    """Writes and remembers the index rows of one process; safe for threads."""

    def __init__(
        self, session: CassandraSession, statements: Statements, time_to_live: timedelta | None
    ) -> None:
        self._session = session
        self._statements = statements
        self._time_to_live = time_to_live
        self._written: OrderedDict[Key, float] = OrderedDict()
        self._lock = threading.Lock()

    def ensure(self, records: Iterable[tuple[Record, BucketLayout]]) -> None:
        """Writes the index rows that these records need and that were not written yet.

        Raises:
            StoreUnavailable
        """
        record_keys: list[Key] = []
        missing: dict[Key, None] = {}  # an ordered set
        for record, layout in records:
            start = layout.width.start(instant_of(record.id))
            record_key = (
                layout,
                start,
                record.model_version,
                record.digit,
                record.verdict,
                record.visitor,
            )
            if not self._remembers(record_key):
                record_keys.append(record_key)
                keys = self._keys(record, layout, start)
                missing.update((key, None) for key in keys if not self._remembers(key))
        results = self._session.execute_concurrently(self._bind(key) for key in missing)
        for key, _ in zip(missing, results, strict=True):
            self._remember(key)
        for record_key in record_keys:
            self._remember(record_key)

    def _keys(self, record: Record, layout: BucketLayout, start: datetime) -> Iterator[Key]:
        yield "catalog", LAYOUTS, str(layout)
        yield "catalog", MODEL_VERSIONS, str(record.model_version)
        month = month_of(start)
        for combination in filter_combinations_of(
            model_version=record.model_version,
            digit=record.digit,
            verdict=record.verdict,
            visitor=record.visitor,
        ):
            yield "catalog", months_kind(combination, layout), month
            yield "bucket", str(combination), str(layout), month, start

    def _bind(self, key: Key) -> Any:
        table, *values = key
        statement = (
            self._statements.insert_catalog
            if table == "catalog"
            else self._statements.insert_bucket
        )
        expires, ttl = NEVER, 0
        if self._time_to_live is not None:
            lifetime = self._time_to_live + RENEWED_AFTER + MARGIN
            expires, ttl = datetime.now(UTC) + lifetime, int(lifetime.total_seconds())
        return self._session.prepare(statement).bind((*values, microseconds(expires), ttl))

    def _remembers(self, key: Key) -> bool:
        with self._lock:
            written_at = self._written.get(key)
            if written_at is None:
                return False
            if self._time_to_live is not None:
                return time.monotonic() - written_at < RENEWED_AFTER.total_seconds()
            self._written.move_to_end(key)
            return True

    def _remember(self, key: Key) -> None:
        with self._lock:
            self._written[key] = time.monotonic()
            self._written.move_to_end(key)
            while len(self._written) > REMEMBERED:
                self._written.popitem(last=False)
