"""A rate limit that the processes of one machine share and that costs microseconds.

The Generic Cell Rate Algorithm (ITU-T I.371) stores one number for each caller: the theoretical
arrival time of the next request. A transaction reads, decides and writes it, so processes cannot
race. The table is in an SQLite file of its own that is never flushed to disk, because losing a
count does no harm; so a check waits for no disk. Each web machine counts for itself.

A request counts for a visitor and for an address, and only if both may ask: a refused request
counts for neither, so that a visitor who hammers leaves the address's rate to the others.

Dropping or collecting cookies does not evade the limit: a request without a cookie counts for its
address at the same rate, and every visitor's request counts for its address at `SHARED_ADDRESS`
times the rate, so that a school class behind one address can draw.
"""

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from webui.access.addresses import address_of
from webui.access.rate import Rate
from webui.access.visitors import Caller
from webui.errors import ApiError

SHARED_ADDRESS = 10  # visitors who may draw at full speed behind one address
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

ROUNDING = 0.01  # of a request, for sums of floats as large as today's clock
QUOTAS = "digits.quotas"  # in a request's META: what `charge` left of its rates

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


@cache
def limiter() -> Limiter:
    return Limiter(settings.RUNTIME_DIR / "limits.sqlite3")


def seconds_to_wait(counted: Sequence[tuple[str, Rate]], *, units: int = 1) -> float:
    """Count `units` requests for each caller, or for none; return the seconds that it must wait."""
    try:
        return limiter().wait_for_all(counted, units=units)
    except (sqlite3.Error, OSError) as problem:
        # Without a count everybody may ask: a full disk must not stop the site.
        logger.exception("rate_limit_not_counted", problem=str(problem))
        return 0.0


def charge(request: HttpRequest, caller: Caller, *, action: str, units: int = 1) -> None:
    """Count `units` of `action`, for the visitor and for the address, unless they are refused.

    Raises:
        ApiError: 413 when the rate never allows as many at once.
        ApiError: 429 with the seconds to wait, when the caller exceeds the rate.
    """
    rate: Rate | None = settings.READING_RATE_LIMIT if action == "reading" else settings.RATE_LIMIT
    if rate is None:
        return
    address = address_of(request)
    if units > rate.count:
        raise ApiError(
            413,
            "too_large",
            f"{rate.in_words} are allowed, and so {rate.count} at once; send fewer in a request.",
        )
    counted = [(f"{action} {caller.visitor}", rate)]
    if caller.key is None and caller.is_new:
        counted.append((f"{action} nobody at {address}", rate))
    if caller.key is None:
        counted.append((f"{action} all at {address}", rate.times(SHARED_ADDRESS)))
    seconds = seconds_to_wait(counted, units=units)
    request.META[QUOTAS] = _quotas(action, counted)
    if seconds:
        raise ApiError(
            429,
            "rate_limited",
            f"That was more than {rate.in_words}; please wait {max(1, math.ceil(seconds))} s.",
            retry_after=seconds,
        )


@dataclass(frozen=True, kw_only=True)
class Quota:
    """The part of a rate that a caller has left."""

    name: str
    rate: Rate
    ahead: float  # seconds until the whole rate is left

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.rate.count};w={self.rate.seconds}'

    @property
    def remaining(self) -> str:
        left = math.floor((self.rate.seconds - self.ahead) / self.rate.interval + ROUNDING)
        left = min(max(left, 0), self.rate.count)
        until_one_more = self.ahead - self.rate.seconds + (left + 1) * self.rate.interval
        return f'"{self.name}";r={left};t={max(math.ceil(until_one_more - ROUNDING), 1)}'


def _quotas(action: str, counted: Sequence[tuple[str, Rate]]) -> list[Quota]:
    """Return what is left for the caller and, unless it has a key, for all at its address."""
    names = (action,) if len(counted) == 1 else (action, f"{action}-address")
    # Of a visitor without a cookie the count of the address binds, which stands before the last.
    shown = counted if len(counted) < 3 else counted[1:]
    try:
        return [
            Quota(name=name, rate=rate, ahead=limiter().ahead(caller))
            for name, (caller, rate) in zip(names, shown, strict=True)
        ]
    except (sqlite3.Error, OSError):
        return []  # logged when it was counted


class RateLimitHeadersMiddleware:
    """Tells callers how much of their rates is left, with or without a refusal.

    The headers are those of the IETF's draft-ietf-httpapi-ratelimit-headers-11: `q` requests in a
    window of `w` seconds; `r` are left, and no more than these within `t` seconds, when the next
    one is added. So `Retry-After` is never earlier than `t`, as section 6 wants it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        quotas: list[Quota] = request.META.get(QUOTAS, [])
        if quotas:
            response["RateLimit-Policy"] = ", ".join(quota.policy for quota in quotas)
            response["RateLimit"] = ", ".join(quota.remaining for quota in quotas)
        return response
