"""Something that only one process may do at a time, agreed on through the default database."""

import os
import secrets
import socket
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from webui.records_cassandra.models import Lease


class Holder:
    """Asks for a lease, keeps it alive and gives it back.

    A holder that dies loses its lease when the time is up. What is done under a lease must
    bear being done twice, for a holder may also be too slow.
    """

    def __init__(self, name: str, *, lasts: timedelta) -> None:
        self.name = name
        self.lasts = lasts
        self._holder = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"

    def take(self) -> bool:
        """Whether it is ours now, for as long as it lasts; again to keep it."""
        now = datetime.now(UTC)
        Lease.objects.get_or_create(name=self.name, defaults={"until": now})
        free_or_ours = Q(until__lte=now) | Q(holder=self._holder)
        taken = (
            Lease.objects.filter(free_or_ours, name=self.name)
            .update(holder=self._holder, until=now + self.lasts)
        )  # fmt: skip
        return taken == 1

    def give_back(self) -> None:
        ours = Lease.objects.filter(name=self.name, holder=self._holder)
        ours.update(holder="", until=datetime.now(UTC))
