"""Conditions that no store has an index for, checked on a bounded number of records.

A store finds records by time, digit, verdict and version. What else one may look for (corrected,
wrong, a range of confidence, reviewed) is checked here on the records that the store's filters
let through: at most SEARCHED for a page. If too few fit, the page says how far it looked, and the
next one goes on from there. A page therefore costs the same in every store, whatever its size.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from webui.records.models import Record
from webui.records.store import Filters, Page, store

SEARCHED = 2000  # records
CHUNK = 200  # records that are read and checked at once

# Returns those of the records that meet a condition, in their order. It is given many at once, so
# that what is kept elsewhere about records can be read with one query.
Condition = Callable[[Sequence[Record]], Sequence[Record]]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page, and how far the search went if it ended for having read SEARCHED records."""

    page: Page
    searched_to: datetime | None = None


def meeting(records: Sequence[Record], conditions: Iterable[Condition]) -> Sequence[Record]:
    """Returns the records that meet all conditions."""
    for condition in conditions:
        if not records:
            break
        records = condition(records)
    return records


def search(
    filters: Filters,
    conditions: Sequence[Condition],
    *,
    size: int,
    older_than: UUID | None = None,
    newer_than: UUID | None = None,
) -> Found:
    """Returns a page of matching records next to a cursor, as `RecordStore.page` does.

    With conditions, the next page in the direction of the search may turn out to be empty.

    Raises:
        StoreUnavailable
        ValueError: both cursors are given.
    """
    if not conditions:
        page = store().page(filters, size=size, older_than=older_than, newer_than=newer_than)
        return Found(page=page)
    backwards = newer_than is not None
    found: list[Record] = []  # in the direction of the search
    read, cursor, ended = 0, newer_than if backwards else older_than, False
    at: datetime | None = None
    while len(found) < size and read < SEARCHED and not ended:
        page = store().page(
            filters,
            size=CHUNK,
            older_than=None if backwards else cursor,
            newer_than=cursor if backwards else newer_than,
        )
        chunk = page.records[::-1] if backwards else page.records
        ended = (page.newer_than if backwards else page.older_than) is None
        if not chunk:
            break
        read, cursor, at = read + len(chunk), chunk[-1].id, chunk[-1].predicted_at
        found += meeting(chunk, conditions)
    more = not ended or len(found) > size
    if len(found) > size:
        found = found[:size]
        cursor = found[-1].id
    stopped = at if not ended and len(found) < size else None
    # Where the search began there may be more on the other side.
    began = newer_than or older_than
    other = found[0].id if began is not None and found else began
    onward = cursor if more else None
    return Found(
        page=Page(
            records=tuple(found[::-1] if backwards else found),
            older_than=other if backwards else onward,
            newer_than=onward if backwards else other,
        ),
        searched_to=stopped,
    )


def scan_meeting(
    filters: Filters, conditions: Sequence[Condition], *, pictures: bool
) -> Iterator[Record]:
    """Yields every matching record, newest first; memory does not grow with their number.

    Raises:
        StoreUnavailable
    """
    records = store().scan(filters, pictures=pictures)
    while chunk := list(islice(records, CHUNK)):
        yield from meeting(chunk, conditions)
