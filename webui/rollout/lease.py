"""One operator at a time: a lease in the default database, renewed while somebody is at work.

It is a row rather than a file lock because operators sit on different machines, and a lease
rather than a lock because a crash must not leave it for ever: half a minute after the last
renewal it is free.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from webui.rollout.models import RolloutState

LEASE_SECONDS = 30.0  # after a crash nobody waits longer
RENEW_SECONDS = 5.0  # well within the lease, and no load on the database


class Busy(Exception):
    """Somebody else is at work on the model's versions; says who, on what, until when at most."""


class LeaseLost(Exception):
    """This operator was not heard of for so long that somebody else has begun."""


class Lease:
    """Held by one operator; `renew` as often as you like."""

    def __init__(self, model_name: str) -> None:
        self._model_name = model_name
        self._token = secrets.token_hex(16)
        self._renewed = 0.0

    def take(self, *, by: str, what: str) -> None:
        """
        Raises:
            Busy: if somebody else holds it.
        """
        RolloutState.objects.get_or_create(pk=self._model_name)
        now = timezone.now()
        taken = (
            RolloutState.objects.filter(pk=self._model_name)
            .filter(Q(locked_until=None) | Q(locked_until__lt=now))
            .update(
                locked_by=by,
                locked_for=what,
                lock_token=self._token,
                locked_until=_end(now),
            )
        )
        if not taken:
            holder = RolloutState.objects.get(pk=self._model_name)
            raise Busy(
                f"{holder.locked_by or 'somebody'} is at work ({holder.locked_for}); wait until "
                f"that is done. A lease that is not renewed ends at "
                f"{holder.locked_until or now:%H:%M:%S} UTC"
            )
        self._renewed = time.monotonic()

    def renew(self) -> None:
        """Keeps the lease; asks the database every few seconds only.

        Raises:
            LeaseLost: if it ended and somebody else took it.
        """
        if time.monotonic() - self._renewed < RENEW_SECONDS:
            return
        held = self._row().update(locked_until=_end(timezone.now()))
        if not held:
            raise LeaseLost("another operator has begun meanwhile; what was, was put back")
        self._renewed = time.monotonic()

    def give_back(self) -> None:
        self._row().update(locked_by="", locked_for="", lock_token="", locked_until=None)

    def _row(self) -> QuerySet[RolloutState]:
        return RolloutState.objects.filter(pk=self._model_name, lock_token=self._token)


def _end(now: datetime) -> datetime:
    return now + timedelta(seconds=LEASE_SECONDS)


@contextmanager
def lease(*, by: str, what: str) -> Iterator[Lease]:
    """Holds the lease for a block.

    Raises:
        Busy: if somebody else holds it.
    """
    held = Lease(settings.MODEL_NAME)
    held.take(by=by, what=what)
    try:
        yield held
    finally:
        held.give_back()
