"""Records written to and read from Cassandra; no spool, no retry: that is the store's part.

Every write carries the instant of the event that it tells of, as Cassandra's write
timestamp: an insert that of its record, a correction that of the correction, a deletion that
of the deletion. Writes then have one outcome in whatever order and however often they come.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, tee
from typing import Any
from uuid import UUID

from cassandra.query import BatchStatement, BatchType

from webui.records.models import Record, instant_of
from webui.records.store import Filters
from webui.records_cassandra.buckets import (
    LAST_TICK,
    TICKS_PER_MICROSECOND,
    Facet,
    bucket_of,
    instant_at,
    largest_id,
    month_of,
    order,
    smallest_id,
    ticks_of,
)
from webui.records_cassandra.configuration import CassandraSettings
from webui.records_cassandra.connection import AT_ONCE, Link
from webui.records_cassandra.grain import UNIX_EPOCH, Grain
from webui.records_cassandra.marks import GRAINS, MODEL_VERSIONS, Marks, months_kind
from webui.records_cassandra.rows import (
    add_pictures,
    corrected_at_of,
    microseconds,
    picture_values,
    record_of,
    record_values,
)
from webui.records_cassandra.statements import Statements

FETCH = 500  # rows that a long walk asks for at a time
LOOK_AHEAD = 16  # buckets asked for at once where one after the other held too little
MICROSECOND = timedelta(microseconds=1)


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
            above = max(above, largest_id(ticks_of(filters.since) - 1), key=order)
        if filters.until is not None:
            below = min(below, smallest_id(ticks_of(filters.until)), key=order)
        return cls(above=above, below=below)

    @property
    def empty(self) -> bool:
        return order(self.above) >= order(self.below)


class Tables:
    """The keyspace, through one process's link; safe for threads."""

    def __init__(self, link: Link, settings: CassandraSettings) -> None:
        self.link = link
        self.settings = settings
        self._cql = Statements(settings.keyspace)
        self.marks = Marks(link, self._cql, settings.records_ttl)
        self._grains: frozenset[Grain] = frozenset()

    # --- writing ---------------------------------------------------------------------------

    def write(self, record: Record, *, grain: Grain | None = None) -> None:
        """Keeps a record with its pictures; returns when a quorum has them.

        Args:
            grain: of the bucket, where it is not the one that the settings name.

        Raises:
            StoreUnavailable
        """
        for future in self._begin(record, grain or self.settings.bucket):
            self.link.answer(future)

    def write_many(self, records: Sequence[tuple[Record, Grain]]) -> list[Exception | None]:
        """Like `write` for many at once; what went wrong, for each of them."""
        problems: list[Exception | None] = []
        under_way: deque[list[Any] | Exception] = deque()
        try:
            # All at once: one by one, each would be waited for.
            self.marks.make(
                (record, grain)
                for record, grain in records
                if self._left(record.id, self.settings.records_ttl) is not None
            )
        except Exception as problem:  # no record may be written without its notes
            return [problem] * len(records)

        def finish_one() -> None:
            started = under_way.popleft()
            if isinstance(started, Exception):
                problems.append(started)
                return
            problem: Exception | None = None
            for future in started:
                try:
                    self.link.answer(future)
                except Exception as reason:
                    problem = problem or reason
            problems.append(problem)

        for record, grain in records:
            try:
                under_way.append(self._begin(record, grain))
            except Exception as reason:
                under_way.append(reason)
            if len(under_way) >= AT_ONCE:
                finish_one()
        while under_way:
            finish_one()
        return problems

    def _begin(self, record: Record, grain: Grain) -> list[Any]:
        """Sends a record on its way, its bucket being noted; what to wait for."""
        start = grain.start(instant_of(record.id))
        ttl = self._left(record.id, self.settings.records_ttl)
        if ttl is None:
            return []  # its time is over already
        self.marks.make([(record, grain)])
        stamp = record.id.time // TICKS_PER_MICROSECOND - _GREGORIAN_MICROSECONDS
        prepared = self.link.prepared
        instance, picture, ink = picture_values(record)
        # One partition, so this batch is one write.
        pictures = BatchStatement(BatchType.UNLOGGED)
        pictures.is_idempotent = True
        pictures.add(prepared(self._cql.insert_instance).bind((record.id, instance, stamp, ttl)))
        picture_ttl = self._picture_ttl(record.id, ttl)
        if picture_ttl is not None:
            pictures.add(
                prepared(self._cql.insert_picture).bind(
                    (record.id, picture, ink, stamp, picture_ttl)
                )
            )
        row = prepared(self._cql.insert_record).bind(
            (grain.bucket(start), record.id, *record_values(record), stamp, ttl)
        )
        futures = [self.link.execute_async(pictures), self.link.execute_async(row)]
        if record.corrected_at is not None:
            futures.append(
                self._begin_correction(
                    record.id,
                    bucket=grain.bucket(start),
                    label=record.corrected_label,
                    by=record.corrected_by,
                    at=record.corrected_at,
                    ttl=ttl,
                )
            )
        return futures

    def _left(self, record_id: UUID, lives: timedelta | None) -> int | None:
        """Seconds that a record has left: 0 for ever, None if its time is over."""
        if lives is None:
            return 0
        left = instant_of(record_id) + lives - datetime.now(UTC)
        return int(left.total_seconds()) or None if left > timedelta() else None

    def _picture_ttl(self, record_id: UUID, record_ttl: int) -> int | None:
        """A picture lives as its setting says, but not longer than its record."""
        ttl = self._left(record_id, self.settings.pictures_ttl)
        if ttl is None:
            return None
        return min(ttl, record_ttl) if ttl and record_ttl else ttl or record_ttl

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> bool:
        """Notes a correction; False if there is no such record.

        Raises:
            StoreUnavailable
        """
        found = self._find(record_id)
        if found is None:
            return False
        grain, row = found
        before = corrected_at_of(row)
        if before is not None:  # a clock that lags does not undo a later answer
            at = max(at, before + MICROSECOND)
        ttl = self._left(record_id, self.settings.records_ttl)
        if ttl is None:
            return False
        self.link.answer(
            self._begin_correction(
                record_id, bucket=bucket_of(record_id, grain), label=label, by=by, at=at, ttl=ttl
            )
        )
        return True

    def _begin_correction(
        self, record_id: UUID, *, bucket: str, label: str, by: str, at: datetime, ttl: int
    ) -> Any:
        return self.link.execute_async(
            self.link.prepared(self._cql.correct).bind(
                (microseconds(at), ttl, label, at, by, bucket, record_id)
            )
        )

    def delete(self, record_ids: Iterable[UUID], *, at: datetime) -> None:
        """Removes records with their pictures; ids that are not there are no error.

        Raises:
            StoreUnavailable
        """
        grains = self.grains(refresh=True) | {self.settings.bucket}
        delete_record = self.link.prepared(self._cql.delete_record)
        delete_pictures = self.link.prepared(self._cql.delete_pictures)

        def deletions() -> Iterator[Any]:
            for record_id in record_ids:
                # Later than the record itself, whatever the clock of this machine says.
                stamp = microseconds(max(at, instant_of(record_id) + MICROSECOND))
                for grain in grains:
                    yield delete_record.bind((stamp, bucket_of(record_id, grain), record_id))
                yield delete_pictures.bind((stamp, record_id))

        for _ in self.link.answers(deletions()):
            pass

    # --- reading one -----------------------------------------------------------------------

    def probe(self) -> None:
        """Returns when a quorum answers a small question about our own tables.

        Raises:
            StoreUnavailable
        """
        self.grains(refresh=True)

    def read(self, record_id: UUID) -> Record | None:
        """The whole record, or None.

        Raises:
            StoreUnavailable
        """
        pictures = self.link.execute_async(
            self.link.prepared(self._cql.read_pictures).bind((record_id,))
        )
        found = self._find(record_id)
        row = self.link.answer(pictures).one()
        return None if found is None else add_pictures(record_of(found[1]), row)

    def _find(self, record_id: UUID) -> tuple[Grain, Any] | None:
        """The row and the grain of its bucket; looks in every grain that was ever used."""
        tried: frozenset[Grain] = frozenset()
        for refresh in (False, True):
            grains = (self.grains(refresh=refresh) | {self.settings.bucket}) - tried
            futures = [
                (
                    grain,
                    self.link.execute_async(
                        self.link.prepared(self._cql.read_record).bind(
                            (bucket_of(record_id, grain), record_id)
                        )
                    ),
                )
                for grain in sorted(grains)
            ]
            found = None
            for grain, future in futures:
                row = self.link.answer(future).one()
                if row is not None and _is_record(row):
                    found = grain, row
            if found is not None:
                return found
            tried |= grains
        return None

    def grains(self, *, refresh: bool = False) -> frozenset[Grain]:
        """Every grain that buckets have; remembered, asked for again with `refresh`."""
        if refresh or not self._grains:
            self._grains = frozenset(Grain(value) for value in self._catalog(GRAINS))
        return self._grains

    def model_versions(self) -> list[int]:
        return sorted((int(value) for value in self._catalog(MODEL_VERSIONS)), reverse=True)

    def _catalog(self, kind: str) -> list[str]:
        rows = self.link.execute(self.link.prepared(self._cql.read_catalog).bind((kind,)))
        return [row["value"] for row in rows]

    # --- reading many ----------------------------------------------------------------------

    def rows(
        self, filters: Filters, span: Span, *, oldest_first: bool = False, fetch: int = FETCH
    ) -> Iterator[Record]:
        """Records that match, in order, without instances and pictures; read as they are used.

        Args:
            fetch: how many the caller is likely to want.

        Raises:
            StoreUnavailable
        """
        if span.empty:
            return
        streams = [
            self._rows_of_grain(grain, filters, span, oldest_first=oldest_first, fetch=fetch)
            for grain in sorted(self.grains(refresh=True))
        ]
        merged = heapq.merge(
            *streams, key=lambda record: order(record.id), reverse=not oldest_first
        )
        last: UUID | None = None
        for record in merged:
            if record.id != last:
                yield record
            last = record.id

    def _rows_of_grain(
        self, grain: Grain, filters: Filters, span: Span, *, oldest_first: bool, fetch: int
    ) -> Iterator[Record]:
        """Buckets of one grain do not overlap, so walking them in order is enough."""
        columns = {
            "digit": filters.digit,
            "verdict": filters.verdict,
            "model_version": filters.model_version,
        }
        wanted = {name: value for name, value in columns.items() if value is not None}
        facet = Facet(**wanted)  # type: ignore[arg-type]
        starts = self._starts(grain, facet, span, oldest_first=oldest_first)
        if oldest_first and wanted:
            for start in starts:
                yield from self._filtered_oldest_first(grain, start, wanted, span, fetch=fetch)
            return

        statement = self._cql.read_bucket(tuple(wanted), oldest_first=oldest_first)

        def ask(start: datetime) -> Any:
            bound = self.link.prepared(statement).bind(
                (grain.bucket(start), span.above, span.below, *wanted.values())
            )
            bound.fetch_size = fetch
            return self.link.execute_async(bound)

        yield from self._bucket_by_bucket(starts, ask)

    def _bucket_by_bucket(
        self, starts: Iterator[datetime], ask: Callable[[datetime], Any]
    ) -> Iterator[Record]:
        """Rows of one bucket after the other; where buckets hold little, several are asked."""
        ahead = 1
        under_way: deque[Any] = deque()
        for start in starts:
            under_way.append(ask(start))
            if len(under_way) >= ahead:
                yield from self._records(self.link.answer(under_way.popleft()))
                ahead = min(ahead * 2, LOOK_AHEAD)
        while under_way:
            yield from self._records(self.link.answer(under_way.popleft()))

    def _records(self, rows: Any) -> Iterator[Record]:
        """Rows as they come; the driver asks for the next page of them when it is needed."""
        while True:
            for row in rows.current_rows:
                if _is_record(row):
                    yield record_of(row)
            if not rows.has_more_pages:
                return
            self.link.guarded(rows.fetch_next_page)

    def _filtered_oldest_first(
        self, grain: Grain, start: datetime, wanted: dict[str, Any], span: Span, *, fetch: int
    ) -> Iterator[Record]:
        """Matching rows of a bucket, oldest first, which no index answers directly.

        An index gives the newest first. So the bucket is read in slices of time, each turned
        round, and a slice that holds too much for the page is made narrower.
        """
        statement = self._cql.read_bucket(tuple(wanted))
        enough = fetch * 4
        low = max(ticks_of(start), span.above.time)
        end = min(ticks_of(start + grain.length), span.below.time + 1)
        width = end - low
        while low < end:
            high = min(low + width, end)
            above = max(largest_id(low - 1), span.above, key=order)
            below = min(smallest_id(high), span.below, key=order)
            bound = self.link.prepared(statement).bind(
                (grain.bucket(start), above, below, *wanted.values())
            )
            bound.fetch_size = enough + 1
            found = self._records(self.link.execute(bound))
            if high - low > 1:
                slice_of_time = list(islice(found, enough + 1))
                if len(slice_of_time) > enough:
                    width = max((high - low) // 8, 1)
                    continue
            else:
                slice_of_time = list(found)
            yield from reversed(slice_of_time)
            low = high
            if len(slice_of_time) < fetch:
                width *= 4

    def _starts(
        self, grain: Grain, facet: Facet, span: Span, *, oldest_first: bool
    ) -> Iterator[datetime]:
        """Starts of the buckets that hold records of the facet and touch the span."""
        earliest = grain.start(instant_at(span.above.time))
        latest = grain.start(instant_at(span.below.time))
        months = self._catalog(months_kind(facet, grain))
        within = [month for month in months if month_of(earliest) <= month <= month_of(latest)]
        statement = self.link.prepared(self._cql.read_buckets(oldest_first=oldest_first))
        for month in sorted(within, reverse=not oldest_first):
            bound = statement.bind((str(facet), grain.value, month, earliest, latest))
            bound.fetch_size = FETCH
            rows = self.link.execute(bound)
            while True:
                for row in rows.current_rows:
                    yield row["starts_at"].replace(tzinfo=UTC)
                if not rows.has_more_pages:
                    break
                self.link.guarded(rows.fetch_next_page)

    def fill(self, records: Iterable[Record], *, pictures: bool) -> Iterator[Record]:
        """Adds instances, and pictures and ink if asked, many reads being on their way at once."""
        statement = self._cql.read_pictures if pictures else self._cql.read_instance
        records, again = tee(records)
        asked = (self.link.prepared(statement).bind((record.id,)) for record in records)
        for record, answer in zip(again, self.link.answers(asked), strict=True):
            yield add_pictures(record, answer.one())


# From 1582, where version-1 UUIDs begin to count, to 1970, where Cassandra's timestamps do.
_GREGORIAN_MICROSECONDS = ticks_of(UNIX_EPOCH) // TICKS_PER_MICROSECOND


def _is_record(row: Any) -> bool:
    """Whether it is more than what a correction left behind that met a deletion."""
    return row["predicted_at"] is not None
