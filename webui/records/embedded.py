"""Records in the default database: SQLite, or PostgreSQL with `DATABASE_URL`.

Nothing here counts rows or skips over them: a page is found by its neighbour's instant and id
in an index that fits the filters, so it costs the same wherever it lies in the history.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.models import Q, QuerySet

from webui.records.models import NEWEST_FIRST, Record, Verdict, instant_of, new_record_id
from webui.records.store import Filters, Page, Recorded, RecordNotFound, StoreUnavailable

CHUNK = 200  # records that a scan holds at once; with pictures about a megabyte
DELETED_AT_ONCE = 500  # SQLite takes at most 999 values in one statement in old builds
PROBE_SECONDS = 1.0  # how long a successful `check` counts; probes must not wear out the disk

# What a page shows. Pictures and ink are many times larger than all the rest.
_LARGE = ("picture", "ink")
_COLUMNS = tuple(field.attname for field in Record._meta.concrete_fields)
_SMALL_COLUMNS = tuple(name for name in _COLUMNS if name not in _LARGE)

# Visits each version once, by one step in the index for each: a `DISTINCT` would read it all.
_VERSIONS = """
    WITH RECURSIVE versions(version) AS (
        SELECT MAX(model_version) FROM record_data
        UNION ALL
        SELECT (SELECT MAX(model_version) FROM record_data WHERE model_version < versions.version)
        FROM versions WHERE versions.version IS NOT NULL
    )
    SELECT version FROM versions WHERE version IS NOT NULL
"""


@contextmanager
def _available() -> Iterator[None]:
    """Turns what the database could not do now (locked, full, gone) into `StoreUnavailable`.

    A statement or a value that it does not accept is a fault of ours and stays loud.
    """
    try:
        yield
    except (ProgrammingError, DataError, IntegrityError, NotSupportedError):
        raise
    except (DatabaseError, InterfaceError) as problem:
        raise StoreUnavailable(f"the database does not take or give records: {problem}") from (
            problem
        )


class EmbeddedStore:
    """Records in table `record_data` of the default database; safe for threads and processes."""

    def __init__(self) -> None:
        self._writable_until = 0.0  # monotonic clock, seconds

    # --- events ----------------------------------------------------------------------------

    def append(self, record: Record) -> Recorded:
        """Inserts the record; one that is there already stays as it is, corrections included.

        Raises:
            StoreUnavailable
            ValueError: if the id is not a version-1 UUID, which names its own instant.
        """
        record.predicted_at = instant_of(record.id)
        with _available():
            # Not `ignore_conflicts`: SQLite would then drop a row with a missing value, too,
            # without a word. The one column "updated" follows from the id, so it is the same.
            Record.objects.bulk_create(
                [record],
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=["predicted_at"],
            )
        return Recorded.STORED

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> Recorded:
        with _available():
            found = Record.objects.filter(pk=record_id).update(
                corrected_label=label, corrected_at=at, corrected_by=by
            )
        if not found:
            raise RecordNotFound(f"there is no record {record_id}")
        return Recorded.STORED

    def delete(self, record_ids: Sequence[UUID]) -> Recorded:
        """Removes all of them or, if it fails, none."""
        with _available(), transaction.atomic():
            for start in range(0, len(record_ids), DELETED_AT_ONCE):
                some = record_ids[start : start + DELETED_AT_ONCE]
                Record.objects.filter(pk__in=some).delete()
        return Recorded.STORED

    # --- reading ---------------------------------------------------------------------------

    def get(self, record_id: UUID) -> Record:
        with _available():
            record = Record.objects.filter(pk=record_id).first()
        if record is None:
            raise RecordNotFound(f"there is no record {record_id}")
        return _with_bytes(record)

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
        rows = _matching(filters, older_than=older_than, newer_than=newer_than)
        oldest_first = newer_than is not None
        with _available():
            found = _read(rows.reverse() if oldest_first else rows, size + 1)
            more, records = len(found) > size, found[:size]
            if oldest_first:
                records.reverse()
            if not records:
                return Page()
            first, last = records[0].id, records[-1].id
            if oldest_first:
                newer, older = more, _matching(filters, older_than=last).exists()
            else:
                newer = older_than is not None and _matching(filters, newer_than=first).exists()
                older = more
        return Page(
            records=tuple(records),
            older_than=last if older else None,
            newer_than=first if newer else None,
        )

    def scan(self, filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        """Every matching record, newest first, read in chunks.

        Each chunk goes on where the last one ended, in a query of its own: memory and the
        database's read lock stay small, and records that arrive meanwhile shift nothing.
        """
        rows = _matching(filters)
        while True:
            with _available():
                chunk = _read(rows, CHUNK, pictures=pictures)
            yield from chunk
            if len(chunk) < CHUNK:
                return
            rows = _matching(filters, older_than=chunk[-1].id)

    def model_versions(self) -> Sequence[int]:
        with _available(), connection.cursor() as cursor:
            cursor.execute(_VERSIONS)
            return [int(version) for (version,) in cursor.fetchall()]

    def waiting(self) -> int:
        return 0

    def check(self) -> None:
        """Writes a record and takes it out again, in one transaction that is committed.

        Anything less finds out neither that the disk is full nor that the file may only be
        read. Nobody ever sees the record. A success counts for a second.
        """
        if time.monotonic() < self._writable_until:
            return
        probe = Record(
            id=new_record_id(),
            verdict=Verdict.UNSURE,
            confidence=0.0,
            probabilities=[],
            model_name="",
            model_version=0,
            model_label="",
            latency_ms=0.0,
            instance=bytes(784),
            picture=bytes(4096),
        )
        with _available(), transaction.atomic():
            self.append(probe)
            self.delete([probe.id])
        self._writable_until = time.monotonic() + PROBE_SECONDS


def _matching(
    filters: Filters, *, older_than: UUID | None = None, newer_than: UUID | None = None
) -> QuerySet[Record]:
    """Newest first; each combination of equalities has an index of its own.

    There is at most one bound on either side of the instant: given several, SQLite mistakes
    them for more narrowing than they are and may choose an index of fewer equalities. The
    second condition of a cursor keeps apart records of the same microsecond.
    """
    rows = Record.objects.order_by(*NEWEST_FIRST)
    for name in ("digit", "verdict", "model_version"):
        value = getattr(filters, name)
        if value is not None:
            rows = rows.filter(**{name: value})
    since, until = filters.since, filters.until
    if older_than is not None:
        at = instant_of(older_than)
        rows = rows.filter(Q(predicted_at__lt=at) | Q(id__lt=older_than))
        if until is None or at < until:
            rows, until = rows.filter(predicted_at__lte=at), None
    if newer_than is not None:
        at = instant_of(newer_than)
        rows = rows.filter(Q(predicted_at__gt=at) | Q(id__gt=newer_than))
        since = at if since is None else max(at, since)
    if since is not None:
        rows = rows.filter(predicted_at__gte=since)
    if until is not None:
        rows = rows.filter(predicted_at__lt=until)
    return rows


def _read(rows: QuerySet[Record], count: int, *, pictures: bool = False) -> list[Record]:
    """The first records, without pictures and ink unless asked for.

    Not `defer`: a deferred column quietly asks the database again for each record.
    """
    columns = _COLUMNS if pictures else _SMALL_COLUMNS
    missing = {} if pictures else {"picture": b"", "ink": None}
    return [
        _with_bytes(Record(**dict(zip(columns, row, strict=True)), **missing))
        for row in rows.values_list(*columns)[:count]
    ]


def _with_bytes(record: Record) -> Record:
    """PostgreSQL's driver gives memoryviews."""
    record.instance = bytes(record.instance)
    record.picture = bytes(record.picture)
    return record
