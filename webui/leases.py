"""Leases: rows of the default database that let one process at a time do a job.

A row rather than a file lock, because the processes may run on different machines; and it ends
by itself, because a process that is killed cannot release it. A slow process may still be working
when its lease has ended, so the job must be safe to do twice or call `renew` while it runs.
"""

import os
import secrets
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Model, Q, QuerySet

DURATION = timedelta(seconds=30)  # after a crash nobody waits longer
RENEWALS = 6  # per duration: two or three may fail, and the database has little to do


class LeaseLost(Exception):
    """The lease was not renewed in time, and another process has acquired it."""


class Lease:
    """A lease kept in two columns of one row: a token of its holder, and when it ends.

    Args:
        model: the table; the row is made when it is missing.
        key: the row's primary key.
        holder_column: text of 32 characters or more, empty while nobody holds the lease.
        until_column: a date and time; a lease whose time has passed (or is NULL) is free.
        duration: how long the lease lasts after it was acquired or renewed.
        token: who holds it; by default this object, so that no other one of this process does.
    """

    def __init__(
        self,
        model: type[Model],
        key: str,
        *,
        holder_column: str = "holder",
        until_column: str = "until",
        duration: timedelta = DURATION,
        token: str | None = None,
    ) -> None:
        self._model = model
        self._key = key
        self._holder_column = holder_column
        self._until_column = until_column
        self._duration = duration
        host, process = socket.gethostname()[:12], os.getpid()
        self._token = token or f"{host}:{process}:{secrets.token_hex(4)}"
        self._details: list[str] = []
        self._renewed_at = 0.0  # time.monotonic()

    def acquire(self, **details: str) -> bool:
        """Take the lease if it is free or held already, and return whether it is held now.

        Args:
            details: further columns to fill in, such as who holds it; emptied by `release`.
        """
        now = datetime.now(UTC)
        self._model._default_manager.get_or_create(pk=self._key, defaults={self._until_column: now})
        free = Q(**{self._until_column: None}) | Q(**{f"{self._until_column}__lte": now})
        held = Q(**{self._holder_column: self._token})
        values: dict[str, Any] = {
            **details,
            self._holder_column: self._token,
            self._until_column: now + self._duration,
        }
        # One UPDATE statement: of two processes that try at once, the database lets one through.
        acquired = self._rows().filter(free | held).update(**values) == 1
        if acquired:
            self._details = list(details)
            self._renewed_at = time.monotonic()
        return acquired

    def renew(self) -> None:
        """Extend the lease; most calls do not reach the database, so it may be called often.

        Raises:
            LeaseLost: another process holds it.
        """
        if time.monotonic() - self._renewed_at < self._duration.total_seconds() / RENEWALS:
            return
        until = datetime.now(UTC) + self._duration
        if not self._own_rows().update(**{self._until_column: until}):
            raise LeaseLost("the lease was not renewed in time; another process has acquired it")
        self._renewed_at = time.monotonic()

    def release(self) -> None:
        """Free the lease; without effect if another process holds it."""
        values: dict[str, Any] = {
            **dict.fromkeys([*self._details, self._holder_column], ""),
            self._until_column: datetime.now(UTC),
        }
        self._own_rows().update(**values)

    def _rows(self) -> QuerySet[Any]:
        return self._model._default_manager.filter(pk=self._key)

    def _own_rows(self) -> QuerySet[Any]:
        return self._rows().filter(**{self._holder_column: self._token})
