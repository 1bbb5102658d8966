"""Reads records from Cassandra: one by its id, or many in the order of time."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, tee
from typing import Any
from uuid import UUID

from webui.records.models import Record
from webui.records.store import Filters
from webui.records_cassandra.configuration import CassandraSettings
from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.cql.statements import Statements
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.buckets import month_of, partition_of
from webui.records_cassandra.tables.catalog import Catalog
from webui.records_cassandra.tables.filter_combinations import FilterCombination
from webui.records_cassandra.tables.rows import add_pictures, is_record, record_of
from webui.records_cassandra.tables.timeuuid import (
    LAST_TICK,
    instant_at,
    largest_id,
    smallest_id,
    sort_key,
    ticks_of,
)

FETCH_SIZE = 500  # rows that a long scan asks for at a time
LOOK_AHEAD = 16  # buckets asked at once when one after the other held too little


@dataclass(frozen=True, kw_only=True)
class Span:
    """Ids strictly between two others, in Cassandra's order."""

    above: UUID
    below: UUID

    @classmethod
    def of(
        cls, filters: Filters, *, older_than: UUID | None = None, newer_than: UUID | None = None
    ) -> "Span":
        above = smallest_id(0) if newer_than is None else newer_than
        below = largest_id(LAST_TICK) if older_than is None else older_than
        if filters.since is not None:
            above = max(above, largest_id(ticks_of(filters.since) - 1), key=sort_key)
        if filters.until is not None:
            below = min(below, smallest_id(ticks_of(filters.until)), key=sort_key)
        return cls(above=above, below=below)

    @property
    def empty(self) -> bool:
        return sort_key(self.above) >= sort_key(self.below)


class RecordReader:
    """Reads records of one keyspace; safe for threads."""

    def __init__(self, session: CassandraSession, settings: CassandraSettings) -> None:
        self._session = session
        self._settings = settings
        self.statements = Statements(settings.keyspace)
        self.catalog = Catalog(session, self.statements)

    # --- one record ------------------------------------------------------------------------

    def probe(self) -> None:
        """Returns when a quorum answers a small question about the site's own tables.

        Raises:
            StoreUnavailable
        """
        self.catalog.layouts(refresh=True)

    def read(self, record_id: UUID) -> Record | None:
        """Returns the whole record, or None.

        Raises:
            StoreUnavailable
        """
        pictures = self._session.execute_async(
            self._session.prepare(self.statements.read_pictures).bind((record_id,))
        )
        found = self.find(record_id)
        row = self._session.result(pictures).one()
        return None if found is None else add_pictures(record_of(found[1]), row)

    def find(self, record_id: UUID) -> tuple[BucketLayout, Any] | None:
        """Returns a record's row and its bucket's layout; searches every layout ever used.

        Raises:
            StoreUnavailable
        """
        tried: frozenset[BucketLayout] = frozenset()
        for refresh in (False, True):
            known = self.catalog.layouts(refresh=refresh)
            layouts = (known | {self._settings.layout}) - tried
            read_record = self._session.prepare(self.statements.read_record)
            futures = [
                (
                    layout,
                    self._session.execute_async(
                        read_record.bind((partition_of(record_id, layout), record_id))
                    ),
                )
                for layout in sorted(layouts)
            ]
            found = None
            for layout, future in futures:
                row = self._session.result(future).one()
                if row is not None and is_record(row):
                    found = layout, row
            if found is not None:
                return found
            tried |= layouts
        return None

    # --- many records ----------------------------------------------------------------------

    def scan(
        self,
        filters: Filters,
        span: Span,
        *,
        oldest_first: bool = False,
        fetch_size: int = FETCH_SIZE,
    ) -> Iterator[Record]:
        """Yields matching records in order, without instances and pictures, reading lazily.

        Args:
            fetch_size: the number of records that the caller is likely to need.

        Raises:
            StoreUnavailable
        """
        if span.empty:
            return
        streams = [
            self._scan_layout(
                layout, filters, span, oldest_first=oldest_first, fetch_size=fetch_size
            )
            for layout in sorted(self.catalog.layouts(refresh=True))
        ]
        previous: UUID | None = None
        for record in _merged(streams, oldest_first=oldest_first):
            if record.id != previous:
                yield record
            previous = record.id

    def scan_with_layouts(self) -> Iterator[tuple[Record, BucketLayout]]:
        """Yields every record with the layout of its bucket, one layout after the other.

        Raises:
            StoreUnavailable
        """
        anything = Filters()
        for layout in sorted(self.catalog.layouts(refresh=True)):
            for record in self._scan_layout(
                layout, anything, Span.of(anything), oldest_first=False, fetch_size=FETCH_SIZE
            ):
                yield record, layout

    def _scan_layout(
        self,
        layout: BucketLayout,
        filters: Filters,
        span: Span,
        *,
        oldest_first: bool,
        fetch_size: int,
    ) -> Iterator[Record]:
        """Yields the records in buckets of one layout, which do not overlap."""
        columns = {
            "digit": filters.digit,
            "verdict": filters.verdict,
            "model_version": filters.model_version,
            "visitor": filters.visitor,
        }
        wanted = {name: value for name, value in columns.items() if value is not None}
        combination = (
            # A visitor's buckets are few, so the other filters need no list of their own.
            FilterCombination(visitor=filters.visitor)
            if filters.visitor is not None
            else FilterCombination(
                digit=filters.digit, verdict=filters.verdict, model_version=filters.model_version
            )
        )
        starts = self._bucket_starts(layout, combination, span, oldest_first=oldest_first)
        if oldest_first and wanted:
            for start in starts:
                yield from self._filtered_oldest_first(
                    layout, start, wanted, span, fetch_size=fetch_size
                )
            return

        statement = self._session.prepare(
            self.statements.read_bucket(tuple(wanted), oldest_first=oldest_first)
        )

        # Rarely needs a second fetch of a shard, whose share of the records varies.
        of_shard = fetch_size if layout.shards == 1 else 2 * fetch_size // layout.shards + 4

        def begin(start: datetime) -> list[Any]:
            return self._begin_bucket(
                layout, start, statement, (span.above, span.below, *wanted.values()), of_shard
            )

        ahead, most_ahead = 1, max(LOOK_AHEAD // layout.shards, 1)
        in_flight: deque[list[Any]] = deque()
        for start in starts:
            in_flight.append(begin(start))
            if len(in_flight) >= ahead:
                yield from self._records(in_flight.popleft(), oldest_first=oldest_first)
                ahead = min(ahead * 2, most_ahead)
        while in_flight:
            yield from self._records(in_flight.popleft(), oldest_first=oldest_first)

    def _begin_bucket(
        self,
        layout: BucketLayout,
        start: datetime,
        statement: Any,
        parameters: Sequence[Any],
        fetch_size: int,
    ) -> list[Any]:
        """Asks every shard of a bucket; returns the futures."""
        futures = []
        for partition in layout.partition_keys(start):
            bound = statement.bind((partition, *parameters))
            bound.fetch_size = fetch_size
            futures.append(self._session.execute_async(bound))
        return futures

    def _records(self, futures: Iterable[Any], *, oldest_first: bool) -> Iterator[Record]:
        """Yields the records of a bucket's shards, in order."""
        results = [self._session.result(future) for future in futures]
        shards = [
            (record_of(row) for row in self._rows(result) if is_record(row)) for result in results
        ]
        return shards[0] if len(shards) == 1 else _merged(shards, oldest_first=oldest_first)

    def _rows(self, result: Any) -> Iterator[Any]:
        """Yields a result's rows; fetches its next page when it is needed."""
        while True:
            yield from result.current_rows
            if not result.has_more_pages:
                return
            self._session.translate_errors(result.fetch_next_page)

    def _filtered_oldest_first(
        self,
        layout: BucketLayout,
        start: datetime,
        wanted: dict[str, Any],
        span: Span,
        *,
        fetch_size: int,
    ) -> Iterator[Record]:
        """Yields the matching records of a bucket, oldest first.

        An index gives the newest first, and Cassandra cannot reverse it. So the bucket is read
        in slices of time, each of which is reversed here; a slice with too many records for the
        page is made narrower.
        """
        statement = self._session.prepare(self.statements.read_bucket(tuple(wanted)))
        enough = fetch_size * 4
        low = max(ticks_of(start), span.above.time)
        end = min(ticks_of(start + layout.width.duration), span.below.time + 1)
        ticks = end - low  # of a slice
        while low < end:
            high = min(low + ticks, end)
            above = max(largest_id(low - 1), span.above, key=sort_key)
            below = min(smallest_id(high), span.below, key=sort_key)
            futures = self._begin_bucket(
                layout, start, statement, (above, below, *wanted.values()), enough + 1
            )
            found = self._records(futures, oldest_first=False)
            if high - low > 1:
                records = list(islice(found, enough + 1))
                if len(records) > enough:
                    ticks = max((high - low) // 8, 1)
                    continue
            else:
                records = list(found)
            yield from reversed(records)
            low = high
            if len(records) < fetch_size:
                ticks *= 4

    def _bucket_starts(
        self,
        layout: BucketLayout,
        combination: FilterCombination,
        span: Span,
        *,
        oldest_first: bool,
    ) -> Iterator[datetime]:
        """Yields the starts of the buckets that hold such records and overlap the span."""
        earliest = layout.width.start(instant_at(span.above.time))
        latest = layout.width.start(instant_at(span.below.time))
        months = [
            month
            for month in self.catalog.months(combination, layout)
            if month_of(earliest) <= month <= month_of(latest)
        ]
        statement = self._session.prepare(self.statements.read_buckets(oldest_first=oldest_first))
        for month in sorted(months, reverse=not oldest_first):
            bound = statement.bind((str(combination), str(layout), month, earliest, latest))
            bound.fetch_size = FETCH_SIZE
            for row in self._rows(self._session.execute(bound)):
                yield row["starts_at"].replace(tzinfo=UTC)

    def fill(self, records: Iterable[Record], *, pictures: bool) -> Iterator[Record]:
        """Adds instances, and pictures and ink if asked for, with many reads in flight."""
        statement = self.statements.read_pictures if pictures else self.statements.read_instance
        records, again = tee(records)
        reads = (self._session.prepare(statement).bind((record.id,)) for record in records)
        results = self._session.execute_concurrently(reads)
        for record, result in zip(again, results, strict=True):
            yield add_pictures(record, result.one())


def _merged(streams: Iterable[Iterator[Record]], *, oldest_first: bool) -> Iterator[Record]:
    """Yields records of several streams in the order that each of them has."""
    return heapq.merge(*streams, key=lambda record: sort_key(record.id), reverse=not oldest_first)
