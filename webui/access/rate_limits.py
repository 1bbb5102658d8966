"""Who asked how often: a rate limit that several processes share and that costs microseconds.

The Generic Cell Rate Algorithm (ITU-T I.371) keeps one number a caller: the time at which all
that was asked so far would have been due at the permitted rate. One SQL statement reads, decides
and writes it, so that processes cannot race. The table is a small SQLite file of its own, not
the default database: it is never flushed to disk (a lost limit is no loss), so a check costs no
write barrier. Each web machine limits for itself.

Dropping cookies or collecting them does not evade it: without a cookie the address is counted,
and with one the address is counted as well, at `SHARED_ADDRESS` times the rate (a school class
behind one address is no attack).
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
SWEEP_EVERY = 2000  # checks of a process between two removals of rows that say nothing any more
LOCK_SECONDS = 2.0

SCHEMA = "CREATE TABLE IF NOT EXISTS asked (who TEXT PRIMARY KEY, due REAL NOT NULL) WITHOUT ROWID"
CHARGE = """
INSERT INTO asked (who, due) VALUES (:who, :now + :interval)
ON CONFLICT (who) DO UPDATE SET due = max(due, :now) + :interval
    WHERE max(due, :now) - :now <= :slack
RETURNING due
"""

logger = structlog.get_logger(__name__)


class Limiter:
    """Counts in one file; safe for threads, and for processes that share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._checks = 0

    def _connection(self) -> sqlite3.Connection:
        # A connection belongs to one thread of one process: a forked one opens its own.
        if getattr(self._local, "pid", None) != os.getpid():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=LOCK_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(SCHEMA)
            self._local.connection, self._local.pid = connection, os.getpid()
        made: sqlite3.Connection = self._local.connection
        return made

    def wait(self, who: str, rate: Rate, *, now: float | None = None) -> float:
        """Counts one request; 0 if it may be served, else seconds until one may be.

        A refused request is not counted. A burst of `rate.count` is served at once.
        """
        now = time.time() if now is None else now
        interval = rate.seconds / rate.count
        # Half an interval of tolerance: sums of floats near a present-day clock are not exact.
        slack = rate.seconds - interval / 2
        connection = self._connection()
        values = {"who": who, "now": now, "interval": interval, "slack": slack}
        served = connection.execute(CHARGE, values).fetchall()
        self._checks += 1
        if self._checks % SWEEP_EVERY == 0:
            connection.execute("DELETE FROM asked WHERE due < ?", (now,))
        if served:
            return 0.0
        row = connection.execute("SELECT due FROM asked WHERE who = ?", (who,)).fetchone()
        return max(row[0] - now - rate.seconds + interval, 0.001) if row else 0.001

    def close(self) -> None:
        """Closes this thread's connection; the next call opens one again."""
        if getattr(self._local, "pid", None) == os.getpid():
            self._local.connection.close()
            self._local.pid = None


@cache
def limiter() -> Limiter:
    return Limiter(settings.RUNTIME_DIR / "limits.sqlite3")


def address_of(request: HttpRequest) -> str:
    """The network that asks: an IPv4 address, or the /64 that one IPv6 customer has.

    With `HTTPS=on` there is a TLS proxy in front, and the last address of X-Forwarded-For is
    the one that it saw; earlier ones are the client's own words. Without, the header is ignored.
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
    """Counts one request for `action`.

    Raises:
        ApiError: 429 with the seconds to wait, when the caller asked too often.
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
        seconds = max(limiter().wait(who, permitted) for who, permitted in counted)
    except (sqlite3.Error, OSError) as problem:
        # A limit that cannot be counted must not be the reason that nobody can draw.
        logger.exception("rate_limit_not_counted", problem=str(problem))
        return
    if seconds:
        raise ApiError(
            429,
            "rate_limited",
            f"That was more than {rate} allows; please wait {max(1, round(seconds))} s.",
            retry_after=seconds,
        )
