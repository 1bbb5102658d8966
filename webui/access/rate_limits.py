"""A rate limit that the processes of one machine share and that costs microseconds.

The Generic Cell Rate Algorithm (ITU-T I.371) stores one number for each caller: the theoretical
arrival time of the next request. One SQL statement reads, decides and writes it, so processes
cannot race. The table is in an SQLite file of its own that is never flushed to disk, because
losing a count does no harm; so a check waits for no disk. Each web machine counts for itself.

Dropping or collecting cookies does not evade the limit: a request without a cookie counts for its
address at the same rate, and every visitor's request counts for its address at `SHARED_ADDRESS`
times the rate, so that a school class behind one address can draw.
"""

import ipaddress
import os
import sqlite3
import threading
import time
from functools import cache
from pathlib import Path

import structlog
from django.conf import settings
from django.http import HttpRequest

from webui.access.rate import Rate
from webui.access.visitors import Caller
from webui.errors import ApiError

SHARED_ADDRESS = 10  # visitors who may draw at full speed behind one address
DELETE_EVERY = 2000  # checks of a process between two deletions of rows in the past
LOCK_SECONDS = 2.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS arrivals (caller TEXT PRIMARY KEY, due REAL NOT NULL) WITHOUT ROWID
"""
CHARGE = """
INSERT INTO arrivals (caller, due) VALUES (:caller, :now + :interval)
ON CONFLICT (caller) DO UPDATE SET due = max(due, :now) + :interval
    WHERE max(due, :now) - :now <= :tolerance
RETURNING due
"""

logger = structlog.get_logger(__name__)


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
        """Count one request; return 0 if it may be served, else the seconds until one may be.

        A refused request is not counted. A burst of `rate.count` is served at once.
        """
        now = time.time() if now is None else now
        interval = rate.seconds / rate.count
        # Half an interval more than exact: sums of floats as large as today's clock are rounded.
        tolerance = rate.seconds - interval / 2
        connection = self._connection()
        values = {"caller": caller, "now": now, "interval": interval, "tolerance": tolerance}
        served = connection.execute(CHARGE, values).fetchall()
        self._checks += 1
        if self._checks % DELETE_EVERY == 0:
            connection.execute("DELETE FROM arrivals WHERE due < ?", (now,))
        if served:
            return 0.0
        row = connection.execute("SELECT due FROM arrivals WHERE caller = ?", (caller,)).fetchone()
        return max(row[0] - now - rate.seconds + interval, 0.001) if row else 0.001

    def close(self) -> None:
        """Close this thread's connection; the next call opens one again."""
        if getattr(self._local, "pid", None) == os.getpid():
            self._local.connection.close()
            self._local.pid = None


@cache
def limiter() -> Limiter:
    return Limiter(settings.RUNTIME_DIR / "limits.sqlite3")


def address_of(request: HttpRequest) -> str:
    """Return the caller's IPv4 address, or the /64 network that one IPv6 customer has.

    With `HTTPS=on` a TLS proxy is in front: it appends the address it saw to X-Forwarded-For,
    and the client may have written the earlier ones. Without a proxy the header is ignored.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.HTTPS:
        forwarded = request.headers.get("X-Forwarded-For", "")
        text = forwarded.rsplit(",", 1)[-1].strip() or text
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def charge(request: HttpRequest, caller: Caller, *, action: str) -> None:
    """Count one request for `action`.

    Raises:
        ApiError: 429 with the seconds to wait, when the caller exceeds the rate.
    """
    rate: Rate | None = settings.RATE_LIMIT
    if rate is None:
        return
    address = address_of(request)
    counted = [(f"{action} {caller.visitor}", rate)]
    if caller.key is None and caller.new_cookie:
        counted.append((f"{action} nobody at {address}", rate))
    if caller.key is None:
        counted.append((f"{action} all at {address}", rate.times(SHARED_ADDRESS)))
    try:
        seconds = max(limiter().wait(name, permitted) for name, permitted in counted)
    except (sqlite3.Error, OSError) as problem:
        # Without a count everybody may draw: a full disk must not stop the site.
        logger.exception("rate_limit_not_counted", problem=str(problem))
        return
    if seconds:
        raise ApiError(
            429,
            "rate_limited",
            f"That was more than {rate} allows; please wait {max(1, round(seconds))} s.",
            retry_after=seconds,
        )
