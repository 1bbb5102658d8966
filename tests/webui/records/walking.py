"""Walks through the pages of a store, and the list that the pages should show."""

from collections.abc import Iterable
from uuid import UUID

from webui.records.models import Record
from webui.records.store import Filters, Page, RecordStore


def ids(records: Iterable[Record]) -> list[UUID]:
    return [record.id for record in records]


def walk_older(store: RecordStore, filters: Filters, *, size: int) -> list[Page]:
    """Returns all pages, from the newest to the oldest."""
    pages = [store.page(filters, size=size)]
    while pages[-1].older_than is not None:
        pages.append(store.page(filters, size=size, older_than=pages[-1].older_than))
    return pages


def walk_newer(store: RecordStore, filters: Filters, page: Page, *, size: int) -> list[Page]:
    """Returns all pages, from the newest to the given one."""
    pages = [page]
    while pages[0].newer_than is not None:
        pages.insert(0, store.page(filters, size=size, newer_than=pages[0].newer_than))
    return pages


def ids_of_pages(pages: Iterable[Page]) -> list[UUID]:
    return [record.id for page in pages for record in page.records]


def all_ids(store: RecordStore, filters: Filters | None = None, *, size: int = 500) -> list[UUID]:
    """Returns the ids on all pages, newest first."""
    return ids_of_pages(walk_older(store, filters or Filters(), size=size))


def matches(record: Record, filters: Filters) -> bool:
    """Return whether the record should be shown with these filters."""
    return (
        filters.digit in (None, record.digit)
        and filters.verdict in (None, record.verdict)
        and filters.model_version in (None, record.model_version)
        and filters.visitor in (None, record.visitor)
        and (filters.since is None or record.predicted_at >= filters.since)
        and (filters.until is None or record.predicted_at < filters.until)
    )
