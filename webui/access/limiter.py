"""Counts requests in an SQLite file that the processes of one machine share, in microseconds.

The Generic Cell Rate Algorithm (ITU-T I.371) stores one number for each caller: the theoretical
arrival time of the next request. A transaction reads, decides and writes it, so processes cannot
race. The file is never flushed to disk, because losing a count does no harm; so a check waits for
no disk.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from webui.access.rate import Rate

DELETE_EVERY = 2000  # checks of a process between two deletions of rows in the past
LOCK_SECONDS = 2.0
LEAST_WAIT_SECONDS = 0.001

SCHEMA = """
CREATE TABLE IF NOT EXISTS arrivals (caller TEXT PRIMARY KEY, due REAL NOT NULL) WITHOUT ROWID
"""
CHARGE = """
INSERT INTO arrivals (caller, due) VALUES (:caller, :due)
ON CONFLICT (caller) DO UPDATE SET due = excluded.due
"""


class Limiter:
    """Counts requests in one file; safe for threads and for processes that share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._checks = 0

    def _connection(self) -> sqlite3.Connection:
        # A connection belongs to one thread of one process; a forked process opens its own.
        if getattr(self._local, "pid", None) != os.getpid():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=LOCK_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(SCHEMA)
            self._local.connection, self._local.pid = connection, os.getpid()
        opened: sqlite3.Connection = self._local.connection
        return opened

    def wait(self, caller: str, rate: Rate, *, now: float | None = None) -> float:
        """Count one request of one caller; see `wait_for_all`."""
        return self.wait_for_all([(caller, rate)], now=now)

    def wait_for_all(
        self, counted: Sequence[tuple[str, Rate]], *, units: int = 1, now: float | None = None
    ) -> float:
        """Count `units` requests for each caller with its rate, or for none of them.

        A burst of `rate.count` is served at once. A refused request is not counted: whoever asks
        too often neither waits longer nor uses what others behind the same address may ask.

        Returns:
            0 if the request may be served, else the seconds until one may be.
        """
        now = time.time() if now is None else now
        connection = self._connection()
        # Without the write lock, since most of the requests of a flood end here.
        if seconds := _wait(connection, counted, units, now):
            return seconds
        connection.execute("BEGIN IMMEDIATE")
        try:
            seconds = _wait(connection, counted, units, now)
            if not seconds:
                for caller, rate in counted:
                    due = max(_due(connection, caller), now) + units * rate.interval
                    connection.execute(CHARGE, {"caller": caller, "due": due})
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        self._checks += 1
        if self._checks % DELETE_EVERY == 0:
            connection.execute("DELETE FROM arrivals WHERE due < ?", (now,))
        return seconds

    def ahead(self, caller: str) -> float:
        """Return the seconds until nothing of the caller's rate is used any more."""
        return max(_due(self._connection(), caller) - time.time(), 0.0)

    def close(self) -> None:
        """Close this thread's connection; the next call opens one again."""
        if getattr(self._local, "pid", None) == os.getpid():
            self._local.connection.close()
            self._local.pid = None


def _due(connection: sqlite3.Connection, caller: str) -> float:
    """Return the caller's theoretical arrival time; 0 for a caller who has not asked yet."""
    row = connection.execute("SELECT due FROM arrivals WHERE caller = ?", (caller,)).fetchone()
    return float(row[0]) if row else 0.0


def _wait(
    connection: sqlite3.Connection, counted: Sequence[tuple[str, Rate]], units: int, now: float
) -> float:
    """Return the seconds until every caller may be served; 0 if they may be now."""
    seconds = 0.0
    for caller, rate in counted:
        ahead = max(_due(connection, caller) - now, 0.0) + (units - 1) * rate.interval
        # Half an interval more than exact: sums of floats as large as today's clock are rounded.
        if ahead > rate.seconds - rate.interval / 2:
            seconds = max(seconds, ahead - rate.seconds + rate.interval, LEAST_WAIT_SECONDS)
    return seconds
