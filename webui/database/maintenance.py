"""Maintenance of the default database: bounded waits, room on the disk, deletion for good."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    OperationalError,
    connection,
    connections,
    transaction,
)

logger = structlog.get_logger(__name__)

MIB = 2**20
# Free space below which no prediction is recorded any more, so that what needs little space is
# still possible: deletions, logins, sessions, corrections.
KEPT_FREE_BYTES = 32 * MIB
# Of it, what the write-ahead log needs for a deletion of the largest picture (5 MiB, overwritten
# with zeros) beside the 4 MiB after which SQLite copies it into the database.
LOG_BYTES = 12 * MIB
ERASE_WAIT_SECONDS = 1.0  # for readers of the log
CHECK_WAIT_SECONDS = 1.0  # of a probe for a writer; /readyz should answer within two
ANSWER_SECONDS = 10.0  # for which a visitor's request waits for an answer of PostgreSQL


class DiskFull(OperationalError):
    """The disk of the database has too little room for more records."""


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Shortens the wait for another process's lock in the block, and for a silent PostgreSQL."""
    with _answering_within(seconds), _locked_at_most(seconds):
        yield


def bound_answers() -> None:
    """Have this process, which serves visitors, not wait for PostgreSQL without end."""
    if connection.vendor == "postgresql":
        from webui.database.postgresql.base import DatabaseWrapper  # needless with SQLite

        DatabaseWrapper.answer_seconds = ANSWER_SECONDS


@contextmanager
def _answering_within(seconds: float) -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    usual = wrapper.answer_seconds
    wrapper.answer_seconds = seconds
    try:
        yield
    finally:
        wrapper.answer_seconds = usual


@contextmanager
def _locked_at_most(seconds: float) -> Iterator[None]:
    milliseconds = round(seconds * 1000)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
            shorter, longer = f"PRAGMA busy_timeout={milliseconds}", f"PRAGMA busy_timeout={usual}"
        else:
            shorter, longer = f"SET lock_timeout={milliseconds}", "RESET lock_timeout"
        cursor.execute(shorter)
        try:
            yield
        finally:
            cursor.execute(longer)


def require_room() -> None:
    """Returns if a record may be added to an SQLite file; PostgreSQL has a disk of its own.

    Pages that deletions have freed in the file count as room.

    Raises:
        DiskFull
    """
    free = free_bytes()
    if free is None or free >= KEPT_FREE_BYTES:
        return
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA freelist_count").fetchone()[0]
        reusable = pages * cursor.execute("PRAGMA page_size").fetchone()[0]
    if free < LOG_BYTES or free + reusable < KEPT_FREE_BYTES:
        raise DiskFull(
            f"the disk of the database is full: {free / MIB:.0f} MiB are free, and the last "
            f"{KEPT_FREE_BYTES // MIB} MiB are kept for deletions and logins"
        )


def disk_is_full() -> bool:
    """Return whether SQLite's log has no room; its own errors then name other reasons as well."""
    free = free_bytes()
    return free is not None and free < LOG_BYTES


def erase_deleted() -> None:
    """Empties SQLite's write-ahead log once the current transaction is committed.

    Until then the log holds what was deleted. (`secure_delete` has overwritten it in the
    database.) Readers that do not end within a second only delay this: `prune_records` and its
    timer do it again.
    """
    if sqlite_file() is not None:
        transaction.on_commit(_empty_log, robust=True)


def _empty_log() -> None:
    try:
        with waiting_at_most(ERASE_WAIT_SECONDS), connection.cursor() as cursor:
            busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except DatabaseError as problem:  # the deletion itself is done
        logger.warning("log_not_emptied", problem=str(problem))
        return
    if busy:
        logger.info("log_not_emptied", problem="another process reads it")


def free_bytes() -> int | None:
    """Returns the free space on the disk of an SQLite file."""
    file = sqlite_file()
    if file is None:
        return None
    disk = os.statvfs(file.parent)
    return disk.f_bavail * disk.f_frsize


def sqlite_file() -> Path | None:
    """Returns the file of the default database; None if it is not SQLite's or is in memory."""
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        return None
    return Path(connection.settings_dict["NAME"])
