"""Records in the default database: SQLite, or PostgreSQL with `DATABASE_URL`.

No query counts rows or skips over them: a page is found by its cursor's instant and id in an
index that fits the filters, so it costs the same wherever it lies in the history.
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
from django.db.models.functions import Coalesce

from webui.database.group_commit import commit
from webui.database.maintenance import (
    CHECK_WAIT_SECONDS,
    erase_deleted,
    require_room,
    waiting_at_most,
)
from webui.database.reserve import give_up_reserve
from webui.database.statements import in_parts
from webui.records.deletions import records_deleted
from webui.records.models import NEWEST_FIRST, Record, Verdict, instant_of, new_record_id
from webui.records.paging import Bounds, read_page
from webui.records.store import Filters, Page, Recorded, RecordNotFound, StoreUnavailable

CHUNK = 200  # records that a scan holds at once; with pictures about a megabyte
CHECK_SECONDS = 1.0  # for which a successful `check` is reused; probes must not wear out the disk

# Not read for pages: they are many times larger than all other columns together.
_LARGE = ("picture", "ink")
_COLUMNS = tuple(field.attname for field in Record._meta.concrete_fields)
_SMALL_COLUMNS = tuple(name for name in _COLUMNS if name not in _LARGE)

# Takes one step in the index for each version, where `DISTINCT` would read the whole index.
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
def _translate_errors() -> Iterator[None]:
    """Turns errors of an unavailable database (locked, full, down) into `StoreUnavailable`.

    A statement or a value that the database refuses is a bug, and its error is not translated.
    """
    try:
        yield
    except (ProgrammingError, DataError, IntegrityError, NotSupportedError):
        raise
    except (DatabaseError, InterfaceError) as problem:
        raise StoreUnavailable(f"the database cannot store or read records: {problem}") from problem


def _insert(record: Record) -> None:
    """Inserts a record; an existing one stays unchanged, corrections included."""
    require_room()
    # Not `ignore_conflicts`: SQLite would then silently drop a row with a missing value
    # too. The one updated column follows from the id, so it keeps its value.
    Record.objects.bulk_create(
        [record],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["predicted_at"],
    )


class DatabaseStore:
    """Records in table `record_data` of the default database; safe for threads and processes."""

    def __init__(self) -> None:
        self._writable_until = 0.0  # monotonic clock, seconds

    # --- events ----------------------------------------------------------------------------

    def append(self, record: Record) -> Recorded:
        """Inserts the record; an existing one stays unchanged, corrections included.

        Raises:
            StoreUnavailable
            ValueError: the id is not a version-1 UUID, which contains its own instant.
        """
        record.predicted_at = instant_of(record.id)
        with _translate_errors():
            commit(lambda: _insert(record))
        return Recorded.STORED

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> Recorded:
        with _translate_errors():
            found = Record.objects.filter(pk=record_id).update(
                corrected_label=label, corrected_at=at, corrected_by=by
            )
        if not found:
            raise RecordNotFound(f"there is no record {record_id}")
        return Recorded.STORED

    def replace_picture(self, record: Record) -> None:
        with _translate_errors():
            require_room()
            found = Record.objects.filter(pk=record.id).update(picture=record.picture)
        if not found:
            raise RecordNotFound(f"there is no record {record.id}")

    def delete(self, record_ids: Sequence[UUID]) -> Recorded:
        """Deletes all of the records or, on an error, none; SQLite's files lose them as well."""
        try:
            self._delete(record_ids)
        except StoreUnavailable:
            if not give_up_reserve():
                raise
            self._delete(record_ids)
        return Recorded.STORED

    def _delete(self, record_ids: Sequence[UUID]) -> None:
        with _translate_errors(), transaction.atomic():
            for some in in_parts(record_ids):
                Record.objects.filter(pk__in=some).delete()
            records_deleted.send(DatabaseStore, record_ids=record_ids)
            erase_deleted()

    # --- reading ---------------------------------------------------------------------------

    def get(self, record_id: UUID) -> Record:
        with _translate_errors():
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
        bounds = Bounds(older_than=older_than, newer_than=newer_than)
        with _translate_errors():
            return read_page(_Rows(filters), bounds, size=size)

    def scan(self, filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        """Yields every matching record, newest first, read in chunks.

        Each chunk is a query of its own that starts at the last record of the previous one.
        Memory and the database's read lock stay small, and records that are added during
        a scan shift nothing.
        """
        rows = _matching(filters, Bounds())
        while True:
            with _translate_errors():
                chunk = _read(rows, CHUNK, pictures=pictures)
            yield from chunk
            if len(chunk) < CHUNK:
                return
            rows = _matching(filters, Bounds(older_than=chunk[-1].id))

    def model_versions(self) -> Sequence[int]:
        with _translate_errors(), connection.cursor() as cursor:
            cursor.execute(_VERSIONS)
            return [int(version) for (version,) in cursor.fetchall()]

    def pending(self) -> int:
        return 0

    def pending_of(self, visitor: str) -> Sequence[UUID]:
        return ()

    def check(self) -> None:
        """Inserts a record and deletes it again, in one transaction that is committed.

        Anything less would miss a full disk or a read-only file. No reader sees the record. A
        success is reused for a second. Another process's lock is waited for less than by
        `append`, since a probe should tell soon.
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
        with _translate_errors(), waiting_at_most(CHECK_WAIT_SECONDS), transaction.atomic():
            self.append(probe)
            Record.objects.filter(pk=probe.id).delete()
        self._writable_until = time.monotonic() + CHECK_SECONDS


class _Rows:
    """Records that match filters, for `read_page`."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters

    def read(self, bounds: Bounds, *, limit: int, oldest_first: bool) -> list[Record]:
        rows = _matching(self._filters, bounds)
        return _read(rows.reverse() if oldest_first else rows, limit)

    def exist(self, bounds: Bounds) -> bool:
        return _matching(self._filters, bounds).exists()


def _matching(filters: Filters, bounds: Bounds) -> QuerySet[Record]:
    """Returns matching records, newest first; each combination of equalities has its own index.

    With a visitor, the visitor's index is read, and the other equalities are checked on its rows.

    The query has at most one bound on either side of the instant: with several, SQLite
    overestimates how much they exclude and may choose an index of fewer equalities. A cursor's
    second condition separates records of the same microsecond.
    """
    rows = Record.objects.order_by(*NEWEST_FIRST)
    for name in ("digit", "verdict", "model_version"):
        value = getattr(filters, name)
        if value is not None and filters.visitor is None:
            rows = rows.filter(**{name: value})
        elif value is not None:
            # An expression, which no index of the column fits: SQLite would otherwise prefer the
            # index with the most equalities to that of the visitor's few records.
            rows = rows.alias(**{f"plain_{name}": Coalesce(name, name)})
            rows = rows.filter(**{f"plain_{name}": value})
    if filters.visitor is not None:
        rows = rows.filter(visitor=filters.visitor)
    since, until = filters.since, filters.until
    if bounds.older_than is not None:
        at = instant_of(bounds.older_than)
        rows = rows.filter(Q(predicted_at__lt=at) | Q(id__lt=bounds.older_than))
        if until is None or at < until:
            rows, until = rows.filter(predicted_at__lte=at), None
    if bounds.newer_than is not None:
        at = instant_of(bounds.newer_than)
        rows = rows.filter(Q(predicted_at__gt=at) | Q(id__gt=bounds.newer_than))
        since = at if since is None else max(at, since)
    if since is not None:
        rows = rows.filter(predicted_at__gte=since)
    if until is not None:
        rows = rows.filter(predicted_at__lt=until)
    return rows


def _read(rows: QuerySet[Record], count: int, *, pictures: bool = False) -> list[Record]:
    """Returns the first records, without pictures and ink unless asked for.

    Does not use `defer`: reading a deferred column costs a query for each record.
    """
    columns = _COLUMNS if pictures else _SMALL_COLUMNS
    missing = {} if pictures else {"picture": b"", "ink": None}
    return [
        _with_bytes(Record(**dict(zip(columns, row, strict=True)), **missing))
        for row in rows.values_list(*columns)[:count]
    ]


def _with_bytes(record: Record) -> Record:
    """Converts memoryviews, which PostgreSQL's driver returns, to bytes."""
    record.instance = bytes(record.instance)
    record.picture = bytes(record.picture)
    return record
