"""The record store on Cassandra, with a spool for what it does not take just now.

A visitor's prediction is kept either way. While Cassandra is down, a breaker sends events
straight to the spool; the mover notices when it is back and brings them there.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from uuid import UUID

from webui.records.models import Record, instant_of
from webui.records.store import (
    Filters,
    Page,
    Recorded,
    RecordNotFound,
    StoreUnavailable,
)
from webui.records_cassandra.breaker import Breaker
from webui.records_cassandra.configuration import CassandraSettings, cassandra_of_site
from webui.records_cassandra.connection import Link
from webui.records_cassandra.mover import Mover
from webui.records_cassandra.spool import Kind, Spool, overlaid
from webui.records_cassandra.tables import Span, Tables

log = logging.getLogger(__name__)


class CassandraStore:
    """Records in keyspace `mnist_key`; one per process, safe for threads and forks.

    Pages and scans show what Cassandra holds; `waiting` says how many events do not show
    there yet. `get` knows of both.

    Args:
        cassandra: settings; those of the site if none are given.
        background: whether a thread moves spooled events by itself.
    """

    def __init__(
        self, cassandra: CassandraSettings | None = None, *, background: bool = True
    ) -> None:
        chosen = cassandra or cassandra_of_site()
        self._settings = chosen
        self.link = Link(chosen)
        self.tables = Tables(self.link, chosen)
        self.spool = Spool()
        self.breaker = Breaker()
        self.mover = Mover(self.tables, self.spool, self.breaker)
        self._background = background
        self._start_mover()

    def _start_mover(self) -> None:
        if self._background:
            self.mover.ensure_started()

    def close(self) -> None:
        """Ends the thread and the connection; for tests and commands."""
        self.mover.stop()
        self.link.close()

    # --- events ----------------------------------------------------------------------------

    def append(self, record: Record) -> Recorded:
        """Keeps a record, here or in the spool.

        Raises:
            StoreUnavailable: if neither takes it.
            ValueError: if the id is not a version-1 UUID, which names its own instant.
        """
        record.predicted_at = instant_of(record.id)
        if self._taken(record):
            return Recorded.STORED
        self.spool.append(record, grain=self._settings.bucket)
        return Recorded.SPOOLED

    def _taken(self, record: Record) -> bool:
        """Whether Cassandra has acknowledged the record."""
        self._start_mover()
        if self.breaker.open:
            return False
        try:
            self.tables.write(record)
        except StoreUnavailable as problem:
            self._trip(problem)
            return False
        except Exception:
            # A refusal is a fault of ours and is reported as one; the visitor's record is
            # kept until somebody has cured it.
            log.exception("Cassandra refused record %s; it is kept in the spool", record.id)
            return False
        return True

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> Recorded:
        self._start_mover()
        waiting = self.spool.of_record(record_id)
        if waiting:
            self._refuse_if_gone(record_id, deleted=waiting[-1].kind == Kind.DELETE)
        elif not self.breaker.open:
            try:
                noted = self.tables.correct(record_id, label=label, by=by, at=at)
                self._refuse_if_gone(record_id, deleted=not noted)
                return Recorded.STORED
            except StoreUnavailable as problem:
                self._trip(problem)
        self.spool.correct(record_id, label=label, by=by, at=at)
        return Recorded.SPOOLED

    def _refuse_if_gone(self, record_id: UUID, *, deleted: bool) -> None:
        if deleted:
            raise RecordNotFound(f"there is no record {record_id}")

    def delete(self, record_ids: Sequence[UUID]) -> Recorded:
        """Removes records; each has its deletion spooled behind what waits for it already."""
        self._start_mover()
        now = datetime.now(UTC)
        ids = list(dict.fromkeys(record_ids))
        spooled = self.spool.concerning(ids)
        if not self.breaker.open:
            try:
                self.tables.delete([one for one in ids if one not in spooled], at=now)
                if not spooled:
                    return Recorded.STORED
                ids = [one for one in ids if one in spooled]
            except StoreUnavailable as problem:
                self._trip(problem)
        self.spool.delete(ids, at=now)
        return Recorded.SPOOLED

    def _trip(self, problem: StoreUnavailable) -> None:
        if not self.breaker.open:
            log.warning("Cassandra is away, events go to the spool: %s", problem)
        self.breaker.trip()
        self.mover.wake()

    # --- reading ---------------------------------------------------------------------------

    def get(self, record_id: UUID) -> Record:
        self._start_mover()
        if record_id.version != 1:
            raise RecordNotFound(f"there is no record {record_id}; ids are version-1 UUIDs")
        waiting = self.spool.of_record(record_id)
        stored: Record | None = None
        if not any(event.kind == Kind.APPEND for event in waiting):
            self._refuse_while_down()
            stored = self.tables.read(record_id)
        record = overlaid(stored, waiting)
        if record is None and not waiting:
            # It may have been moved after the spool was asked and before Cassandra was.
            record = self.tables.read(record_id)
        if record is None:
            raise RecordNotFound(f"there is no record {record_id}")
        return record

    def _refuse_while_down(self) -> None:
        if self.breaker.open:
            raise StoreUnavailable("Cassandra is away; asking again in a few seconds may help")

    def page(
        self,
        filters: Filters,
        *,
        size: int,
        older_than: UUID | None = None,
        newer_than: UUID | None = None,
    ) -> Page:
        if older_than is not None and newer_than is not None:
            raise ValueError("a page is older than a record or newer than one, not both")
        self._start_mover()
        self._refuse_while_down()
        oldest_first = newer_than is not None
        rows = partial(self.tables.rows, filters)
        found = list(
            islice(
                rows(
                    Span.of(filters, older_than=older_than, newer_than=newer_than),
                    oldest_first=oldest_first,
                    fetch=size + 1,
                ),
                size + 1,
            )
        )
        more = len(found) > size
        records = found[:size]
        if oldest_first:
            records.reverse()
        if not records:
            return Page()

        def any_beyond(*, older_than: UUID | None = None, newer_than: UUID | None = None) -> bool:
            span = Span.of(filters, older_than=older_than, newer_than=newer_than)
            return next(rows(span, fetch=1), None) is not None

        first, last = records[0].id, records[-1].id
        if oldest_first:
            newer, older = more, any_beyond(older_than=last)
        else:
            newer, older = older_than is not None and any_beyond(newer_than=first), more
        return Page(
            records=tuple(self.tables.fill(records, pictures=False)),
            older_than=last if older else None,
            newer_than=first if newer else None,
        )

    def scan(self, filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        self._refuse_while_down()
        yield from self.tables.fill(self.tables.rows(filters, Span.of(filters)), pictures=pictures)

    def model_versions(self) -> Sequence[int]:
        self._refuse_while_down()
        return self.tables.model_versions()

    def waiting(self) -> int:
        self._start_mover()
        return self.spool.waiting()

    def check(self) -> None:
        self._start_mover()
        if self.link.connected and not self.breaker.open:
            return
        self.spool.check()
