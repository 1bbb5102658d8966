"""Cursor paging: one page of records, next to a cursor, for every store.

A cursor is the id of a record, which need not exist any more. A page holds the records that
are next older, or next newer, than it; without a cursor, the newest ones.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from webui.records.models import Record
from webui.records.store import Page


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Ids of which at most one is given; a page lies on the other side of it.

    Raises:
        ValueError: both are given.
    """

    older_than: UUID | None = None
    newer_than: UUID | None = None

    def __post_init__(self) -> None:
        if self.older_than is not None and self.newer_than is not None:
            raise ValueError("a page is older than a record or newer than one, not both")


class Rows(Protocol):
    """The records that match some filters, in a store."""

    def read(self, bounds: Bounds, *, limit: int, oldest_first: bool) -> list[Record]:
        """Returns the first records within the bounds, in this order."""
        ...

    def exist(self, bounds: Bounds) -> bool:
        """Return whether there is a record within the bounds."""
        ...


def parse_cursor(text: str) -> UUID:
    """Returns the cursor that a link names.

    Raises:
        ValueError: the text is not the id of a record.
    """
    cursor = UUID(text)
    if cursor.version != 1:
        raise ValueError(f"{text} is not a version-1 UUID")
    return cursor


def read_page(rows: Rows, bounds: Bounds, *, size: int) -> Page:
    """Returns at most `size` records, newest first, with cursors for the pages on either side.

    Costs two reads at most: the page and one more record in its direction, and a look in the
    other direction.
    """
    oldest_first = bounds.newer_than is not None
    found = rows.read(bounds, limit=size + 1, oldest_first=oldest_first)
    more, records = len(found) > size, found[:size]
    if not records:
        return Page()
    if oldest_first:
        records.reverse()
    first, last = records[0].id, records[-1].id
    if oldest_first:
        newer, older = more, rows.exist(Bounds(older_than=last))
    else:
        older = more
        newer = bounds.older_than is not None and rows.exist(Bounds(newer_than=first))
    return Page(
        records=tuple(records),
        older_than=last if older else None,
        newer_than=first if newer else None,
    )
