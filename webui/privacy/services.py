"""Deletes everything of one visitor, in whatever store it is."""

from webui.collection.services import delete_all_of
from webui.records.store import Filters, store

BATCH = 100  # records of a page, without their pictures


def delete_everything(visitor: str) -> int:
    """Delete a visitor's records and participations for good; return how many drawings those were.

    What waits in the spool goes first, since a record only ever moves from there to the store. If
    the store fails in between, what is left is deleted when it is asked for again.

    Raises:
        StoreUnavailable: not everything could be deleted.
    """
    deleted = delete_all_of(visitor)
    records = store()
    if waiting := records.pending_of(visitor):
        records.delete(waiting)
        deleted.update(waiting)
    older_than = None
    while True:
        # The cursor moves on: a deletion that waits in the spool leaves its record on the page.
        page = records.page(Filters(visitor=visitor), size=BATCH, older_than=older_than)
        if found := [record.id for record in page.records]:
            records.delete(found)
            deleted.update(found)
        if page.older_than is None:
            return len(deleted)
        older_than = page.older_than
