"""Writes records to Cassandra, without spool and retry, which are the store's part.

Every write carries the instant of its event (the prediction, the correction, the deletion) as
Cassandra's write timestamp. Writes therefore have one outcome in whatever order and however
often they arrive.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cassandra.query import BatchStatement, BatchType

from webui.records.models import Record, instant_of
from webui.records_cassandra.configuration import CassandraSettings
from webui.records_cassandra.cql.session import CONCURRENCY, CassandraSession
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.buckets import partition_of
from webui.records_cassandra.tables.index_rows import IndexRows
from webui.records_cassandra.tables.reader import RecordReader
from webui.records_cassandra.tables.rows import (
    corrected_at_of,
    microseconds,
    picture_values,
    record_values,
)
from webui.records_cassandra.tables.timeuuid import unix_microseconds

MICROSECOND = timedelta(microseconds=1)


class RecordWriter:
    """Inserts, corrects and deletes records; safe for threads."""

    def __init__(
        self, session: CassandraSession, reader: RecordReader, settings: CassandraSettings
    ) -> None:
        self._session = session
        self._reader = reader
        self._settings = settings
        self._statements = reader.statements
        self.index_rows = IndexRows(session, self._statements, settings.records_ttl)

    def write(self, record: Record) -> None:
        """Inserts a record with its pictures; returns when a quorum has them.

        Raises:
            StoreUnavailable
        """
        for future in self._begin(record, self._settings.layout):
            self._session.result(future)

    def write_many(self, records: Sequence[tuple[Record, BucketLayout]]) -> list[Exception | None]:
        """Inserts records into buckets of these layouts; returns an error or None for each."""
        try:
            # All index rows at once; `_begin` would wait for those of one record at a time.
            self.index_rows.ensure(
                (record, layout)
                for record, layout in records
                if _seconds_left(record.id, self._settings.records_ttl) is not None
            )
        except Exception as problem:  # no record may be written without its index rows
            return [problem] * len(records)
        problems: list[Exception | None] = []
        in_flight: deque[list[Any] | Exception] = deque()
        for record, layout in records:
            try:
                in_flight.append(self._begin(record, layout))
            except Exception as problem:
                in_flight.append(problem)
            if len(in_flight) >= CONCURRENCY:
                problems.append(self._finish(in_flight.popleft()))
        problems.extend(self._finish(begun) for begun in in_flight)
        return problems

    def _begin(self, record: Record, layout: BucketLayout) -> list[Any]:
        """Sends a record, after its index rows are written; returns the futures to wait for."""
        ttl = _seconds_left(record.id, self._settings.records_ttl)
        if ttl is None:
            return []  # it has expired
        self.index_rows.ensure([(record, layout)])
        timestamp = unix_microseconds(record.id)
        prepare = self._session.prepare
        instance, picture, ink = picture_values(record)
        # Both rows are in one partition, so Cassandra applies the batch as one write.
        pictures = BatchStatement(BatchType.UNLOGGED)
        pictures.is_idempotent = True
        pictures.add(
            prepare(self._statements.insert_instance).bind((record.id, instance, timestamp, ttl))
        )
        picture_ttl = self._picture_ttl(record.id, ttl)
        if picture_ttl is not None:
            pictures.add(
                prepare(self._statements.insert_picture).bind(
                    (record.id, picture, ink, timestamp, picture_ttl)
                )
            )
        bucket = partition_of(record.id, layout)
        row = prepare(self._statements.insert_record).bind(
            (bucket, record.id, *record_values(record), timestamp, ttl)
        )
        futures = [self._session.execute_async(pictures), self._session.execute_async(row)]
        if record.corrected_at is not None:
            futures.append(
                self._begin_correction(
                    record.id,
                    bucket=bucket,
                    label=record.corrected_label,
                    by=record.corrected_by,
                    at=record.corrected_at,
                    ttl=ttl,
                )
            )
        return futures

    def _finish(self, begun: list[Any] | Exception) -> Exception | None:
        """Waits for all of a record's futures; returns the first error."""
        if isinstance(begun, Exception):
            return begun
        first: Exception | None = None
        for future in begun:
            try:
                self._session.result(future)
            except Exception as problem:
                first = first or problem
        return first

    def _picture_ttl(self, record_id: UUID, record_ttl: int) -> int | None:
        """Returns a picture's time to live: its own setting, but at most its record's."""
        ttl = _seconds_left(record_id, self._settings.pictures_ttl)
        if ttl is None:
            return None
        return min(ttl, record_ttl) if ttl and record_ttl else ttl or record_ttl

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> bool:
        """Writes a correction; returns False if there is no such record.

        Raises:
            StoreUnavailable
        """
        found = self._reader.find(record_id)
        if found is None:
            return False
        layout, row = found
        previous = corrected_at_of(row)
        if previous is not None:  # a slow clock must not lose against an earlier correction
            at = max(at, previous + MICROSECOND)
        ttl = _seconds_left(record_id, self._settings.records_ttl)
        if ttl is None:
            return False
        bucket = partition_of(record_id, layout)
        self._session.result(
            self._begin_correction(record_id, bucket=bucket, label=label, by=by, at=at, ttl=ttl)
        )
        return True

    def _begin_correction(
        self, record_id: UUID, *, bucket: str, label: str, by: str, at: datetime, ttl: int
    ) -> Any:
        return self._session.execute_async(
            self._session.prepare(self._statements.correct).bind(
                (microseconds(at), ttl, label, at, by, bucket, record_id)
            )
        )

    def replace_picture(self, record: Record) -> None:
        """Writes the picture of a record anew; its ink and its time to live stay.

        The write is a microsecond later than the record's own, so that a deletion, whose instant
        is as late or later, still wins: of the same instant, Cassandra prefers the deletion.

        Raises:
            StoreUnavailable
        """
        ttl = _seconds_left(record.id, self._settings.records_ttl)
        picture_ttl = None if ttl is None else self._picture_ttl(record.id, ttl)
        if picture_ttl is None:
            return  # it has expired
        _, picture, ink = picture_values(record)
        timestamp = unix_microseconds(record.id) + 1
        statement = self._session.prepare(self._statements.insert_picture)
        self._session.result(
            self._session.execute_async(
                statement.bind((record.id, picture, ink, timestamp, picture_ttl))
            )
        )

    def delete(self, record_ids: Iterable[UUID], *, at: datetime) -> None:
        """Deletes records with their pictures; missing ids are ignored.

        Raises:
            StoreUnavailable
        """
        layouts = self._reader.catalog.layouts(refresh=True) | {self._settings.layout}
        delete_record = self._session.prepare(self._statements.delete_record)
        delete_pictures = self._session.prepare(self._statements.delete_pictures)

        def deletions() -> Iterator[Any]:
            for record_id in record_ids:
                # Later than the insert, also when this machine's clock is slow.
                timestamp = microseconds(max(at, instant_of(record_id) + MICROSECOND))
                for layout in layouts:
                    yield delete_record.bind(
                        (timestamp, partition_of(record_id, layout), record_id)
                    )
                yield delete_pictures.bind((timestamp, record_id))

        for _ in self._session.execute_concurrently(deletions()):
            pass


def _seconds_left(record_id: UUID, time_to_live: timedelta | None) -> int | None:
    """Returns the seconds until a record expires, as CQL's TTL: 0 for never, None if it has."""
    if time_to_live is None:
        return 0
    left = instant_of(record_id) + time_to_live - datetime.now(UTC)
    return int(left.total_seconds()) or None if left > timedelta() else None
