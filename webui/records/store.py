"""The interface of a record store, its errors, and the choice of the store.

The API, the admin, exports and the rollout pages access records only through `store()`. The
database store keeps them in the default database; with `CASSANDRA_HOSTS` set, the Cassandra
store takes its place. Neither counts, numbers pages or sorts by columns: every method costs
the same at ten million records as at ten.
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
    """Base class of a store's errors."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, or did not answer in time; a later attempt may succeed."""


class RecordNotFound(StoreError):
    """There is no record with that id."""


class Recorded(StrEnum):
    """The place of an acknowledged event; it is durable in both."""

    STORED = "stored"
    SPOOLED = "spooled"  # in the default database, until Cassandra is back


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Conditions that records must all meet; None means any."""

    since: datetime | None = None  # inclusive, UTC
    until: datetime | None = None  # exclusive, UTC
    digit: int | None = None
    verdict: str | None = None
    model_version: int | None = None
    visitor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some records, newest first, and the cursors of the next older and newer page.

    Records of a page have their instance, but neither picture nor ink (see `RecordStore.get`).
    A cursor is None if there is no such page.
    """

    records: Sequence[Record] = field(default_factory=tuple)
    older_than: UUID | None = None
    newer_than: UUID | None = None


class RecordStore(Protocol):
    """A record store. The caller makes the ids; writing a record twice writes it once."""

    def append(self, record: Record) -> Recorded:
        """Stores a record durably before it returns.

        Raises:
            StoreUnavailable: it could be neither stored nor spooled.
        """
        ...

    def get(self, record_id: UUID) -> Record:
        """Returns the whole record with picture and ink, stored or spooled.

        Raises:
            RecordNotFound
            StoreUnavailable: it is not known whether there is one.
        """
        ...

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> Recorded:
        """Sets the correct label: "0".."9", "not_a_digit", or "" to withdraw a correction.

        Raises:
            RecordNotFound, StoreUnavailable
        """
        ...

    def replace_picture(self, record: Record) -> None:
        """Puts the picture of a record that was read from the store in place of the stored one.

        Raises:
            RecordNotFound, StoreUnavailable
        """
        ...

    def delete(self, record_ids: Sequence[UUID]) -> Recorded:
        """Deletes records with their pictures; missing ids are ignored.

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
        """Returns at most `size` records, newest first: the newest, or those next to a cursor.

        Raises:
            StoreUnavailable
            ValueError: both cursors are given.
        """
        ...

    def scan(self, filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        """Yields every matching record, newest first; with pictures and ink if asked for.

        Raises:
            StoreUnavailable
        """
        ...

    def model_versions(self) -> Sequence[int]:
        """Returns the model versions of all records, newest version first."""
        ...

    def pending(self) -> int:
        """Returns the number of events in the spool; always 0 for the database store."""
        ...

    def pending_of(self, visitor: str) -> Sequence[UUID]:
        """Returns the ids of a visitor's records that are in the spool, and not on pages yet.

        Raises:
            StoreUnavailable
        """
        ...

    def check(self) -> None:
        """Returns if the store or the spool can take the next `append`.

        Raises:
            StoreUnavailable
        """
        ...


@cache
def store() -> RecordStore:
    """Returns the store that `RECORD_STORE` names; one per process, safe for threads."""
    factory = import_string(settings.RECORD_STORE)
    created: RecordStore = factory()
    return created
