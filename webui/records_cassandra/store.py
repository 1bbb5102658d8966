"""The record store on Cassandra, with a spool for events that Cassandra does not take.

A visitor's prediction is kept either way. While Cassandra is down, a circuit breaker sends
events straight to the spool; the spool worker notices when it is back and replays them.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from webui.records.deletions import records_deleted
from webui.records.models import Record, instant_of
from webui.records.paging import Bounds, read_page
from webui.records.store import Filters, Page, Recorded, RecordNotFound, StoreUnavailable
from webui.records_cassandra.configuration import CassandraSettings, cassandra_of_site
from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.spool.spool import Kind, Spool, apply_events
from webui.records_cassandra.spool.worker import CircuitBreaker, SpoolWorker
from webui.records_cassandra.tables.reader import RecordReader, Span
from webui.records_cassandra.tables.writer import RecordWriter

log = logging.getLogger(__name__)


class CassandraStore:
    """Records in keyspace `mnist_key`; one per process, safe for threads and forks.

    Pages and scans show what Cassandra holds; `pending` returns how many events they do not
    show yet. `get` reads both Cassandra and the spool. No page has a record whose deletion is
    pending.

    Args:
        cassandra: settings; by default those of the site.
        background: replay spooled events in a thread.
    """

    def __init__(
        self, cassandra: CassandraSettings | None = None, *, background: bool = True
    ) -> None:
        self.settings = cassandra or cassandra_of_site()
        self.session = CassandraSession(self.settings)
        self.reader = RecordReader(self.session, self.settings)
        self.writer = RecordWriter(self.session, self.reader, self.settings)
        self.spool = Spool()
        self.circuit_breaker = CircuitBreaker()
        self.worker = SpoolWorker(self.reader, self.writer, self.spool, self.circuit_breaker)
        self._background = background
        self._start_worker()

    def _start_worker(self) -> None:
        if self._background:
            self.worker.ensure_started()

    def close(self) -> None:
        """Stops the thread and closes the session, for tests and commands."""
        self.worker.stop()
        self.session.close()

    # --- events ----------------------------------------------------------------------------

    def append(self, record: Record) -> Recorded:
        """Keeps a record, in Cassandra or in the spool.

        Raises:
            StoreUnavailable: neither takes it.
            ValueError: the id is not a version-1 UUID, which contains its own instant.
        """
        record.predicted_at = instant_of(record.id)
        if self._write(record):
            return Recorded.STORED
        self.spool.append(record, layout=self.settings.layout)
        return Recorded.SPOOLED

    def _write(self, record: Record) -> bool:
        """Return whether Cassandra has acknowledged the record."""
        self._start_worker()
        if self.circuit_breaker.open:
            return False
        try:
            self.writer.write(record)
        except StoreUnavailable as problem:
            self._trip(problem)
            return False
        except Exception:
            # A refusal is a bug and is logged as one; the visitor's record is kept until
            # somebody has fixed it.
            log.exception("Cassandra refused record %s; it is kept in the spool", record.id)
            return False
        return True

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> Recorded:
        self._start_worker()
        events = self.spool.of_record(record_id)
        if events:
            if events[-1].kind == Kind.DELETE:
                raise _not_found(record_id)
        elif not self.circuit_breaker.open:
            try:
                if not self.writer.correct(record_id, label=label, by=by, at=at):
                    raise _not_found(record_id)
                return Recorded.STORED
            except StoreUnavailable as problem:
                self._trip(problem)
        self.spool.correct(record_id, label=label, by=by, at=at)
        return Recorded.SPOOLED

    def replace_picture(self, record: Record) -> None:
        self._refuse_while_open()
        self.writer.replace_picture(record)

    def delete(self, record_ids: Sequence[UUID]) -> Recorded:
        """Deletes records; a record with pending events has its deletion spooled after them."""
        self._start_worker()
        now = datetime.now(UTC)
        ids = list(dict.fromkeys(record_ids))
        records_deleted.send(CassandraStore, record_ids=ids)
        spooled = self.spool.with_events(ids)
        if not self.circuit_breaker.open:
            try:
                self.writer.delete([one for one in ids if one not in spooled], at=now)
                if not spooled:
                    return Recorded.STORED
                ids = [one for one in ids if one in spooled]
            except StoreUnavailable as problem:
                self._trip(problem)
        self.spool.delete(ids, at=now)
        return Recorded.SPOOLED

    def _trip(self, problem: StoreUnavailable) -> None:
        if not self.circuit_breaker.open:
            log.warning("Cassandra is unavailable, events go to the spool: %s", problem)
        self.circuit_breaker.trip()
        self.worker.wake()

    # --- reading ---------------------------------------------------------------------------

    def get(self, record_id: UUID) -> Record:
        self._start_worker()
        if record_id.version != 1:
            raise RecordNotFound(f"there is no record {record_id}; ids are version-1 UUIDs")
        events = self.spool.of_record(record_id)
        stored: Record | None = None
        if not any(event.kind == Kind.APPEND for event in events):
            self._refuse_while_open()
            stored = self.reader.read(record_id)
        record = apply_events(stored, events)
        if record is None and not events:
            # It may have been replayed between the first read and the look into the spool.
            record = self.reader.read(record_id)
        if record is None:
            raise _not_found(record_id)
        return record

    def _refuse_while_open(self) -> None:
        if self.circuit_breaker.open:
            raise StoreUnavailable("Cassandra is unavailable; try again in a few seconds")

    def page(
        self,
        filters: Filters,
        *,
        size: int,
        older_than: UUID | None = None,
        newer_than: UUID | None = None,
    ) -> Page:
        bounds = Bounds(older_than=older_than, newer_than=newer_than)
        self._start_worker()
        self._refuse_while_open()
        page = read_page(_Rows(self.reader, filters), bounds, size=size)
        gone = self.spool.with_deletions([record.id for record in page.records])
        shown = [record for record in page.records if record.id not in gone]
        return replace(page, records=tuple(self.reader.fill(shown, pictures=False)))

    def scan(self, filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        self._refuse_while_open()
        records = self.reader.scan(filters, Span.of(filters))
        yield from self.reader.fill(records, pictures=pictures)

    def model_versions(self) -> Sequence[int]:
        self._refuse_while_open()
        return self.reader.catalog.model_versions()

    def pending(self) -> int:
        self._start_worker()
        return self.spool.pending()

    def pending_of(self, visitor: str) -> Sequence[UUID]:
        return self.spool.appended_by(visitor)

    def check(self) -> None:
        self._start_worker()
        if self.session.connected and not self.circuit_breaker.open:
            return
        self.spool.check()


class _Rows:
    """Records that match filters, for `read_page`."""

    def __init__(self, reader: RecordReader, filters: Filters) -> None:
        self._reader = reader
        self._filters = filters

    def read(self, bounds: Bounds, *, limit: int, oldest_first: bool) -> list[Record]:
        records = self._reader.scan(
            self._filters, self._span(bounds), oldest_first=oldest_first, fetch_size=limit
        )
        return list(islice(records, limit))

    def exist(self, bounds: Bounds) -> bool:
        records = self._reader.scan(self._filters, self._span(bounds), fetch_size=1)
        return next(records, None) is not None

    def _span(self, bounds: Bounds) -> Span:
        return Span.of(self._filters, older_than=bounds.older_than, newer_than=bounds.newer_than)


def _not_found(record_id: UUID) -> RecordNotFound:
    return RecordNotFound(f"there is no record {record_id}")
