"""The one small interface behind which records are kept, and the choice of the store.

The API, the admin, exports and the rollout pages know records only through `store()`. The
embedded store keeps them in the default database; with `CASSANDRA_HOSTS` set, the Cassandra
store takes its place. Neither counts, numbers pages or sorts by columns: what is offered
here costs the same at ten million records as at ten.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from webui.records.models import Record


class StoreError(Exception):
    """Anything a store could not do."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, or did not answer in time; asking again later may help."""


class RecordNotFound(StoreError):
    """No record has that id (any more)."""


class Recorded(StrEnum):
    """Where an acknowledged event is now; in both cases it is not lost."""

    STORED = "stored"
    SPOOLED = "spooled"  # waits in the default database until Cassandra is back


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which records; every field narrows further, none is required."""

    since: datetime | None = None  # inclusive, UTC
    until: datetime | None = None  # exclusive, UTC
    digit: int | None = None
    verdict: str | None = None
    model_version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some records, newest first, and whether there are more on either side.

    Records of a page carry their instance, but neither picture nor ink (`RecordStore.get`).
    `older_than` / `newer_than` are the cursors for the neighbouring pages, None at an end.
    """

    records: Sequence[Record] = field(default_factory=tuple)
    older_than: UUID | None = None
    newer_than: UUID | None = None


class RecordStore(Protocol):
    """What a record store does. Ids are made by the caller; writing one twice writes it once."""

    def append(self, record: Record) -> Recorded:
        """Keeps a record before it returns.

        Raises:
            StoreUnavailable: if it could be neither stored nor spooled.
        """
        ...

    def get(self, record_id: UUID) -> Record:
        """The whole record, picture and ink included, spooled ones too.

        Raises:
            RecordNotFound: if there is none.
            StoreUnavailable: if that cannot be known now.
        """
        ...

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> Recorded:
        """Notes what was really drawn: "0".."9", "not_a_digit", or "" to take it back.

        Raises:
            RecordNotFound, StoreUnavailable
        """
        ...

    def delete(self, record_ids: Sequence[UUID]) -> Recorded:
        """Removes records with their pictures; ids that are not there are no error.

        Raises:
            StoreUnavailable
        """
        ...

    def page(
        self,
        filters: Filters,
        *,
        size: int,
        older_than: UUID | None = None,
        newer_than: UUID | None = None,
    ) -> Page:
        """At most `size` records, newest first: the newest, or those next to a cursor.

        Raises:
            StoreUnavailable
            ValueError: if both cursors are given.
        """
        ...

    def scan(self, filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        """Every matching record, newest first, streamed; with pictures and ink if asked.

        Raises:
            StoreUnavailable
        """
        ...

    def model_versions(self) -> Sequence[int]:
        """Versions that records name, newest version first, for filters."""
        ...

    def pending(self) -> int:
        """How many events wait in the spool; always 0 for the embedded store."""
        ...

    def check(self) -> None:
        """Returns when the next `append` can be expected to be kept (store or spool).

        Raises:
            StoreUnavailable
        """
        ...


@cache
def store() -> RecordStore:
    """The store that the settings name (`RECORD_STORE`); one per process, safe for threads."""
    factory = import_string(settings.RECORD_STORE)
    made: RecordStore = factory()
    return made
