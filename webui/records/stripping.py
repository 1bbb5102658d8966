"""Removes the metadata of pictures that were recorded before releases did so at once.

A photograph of a phone names its place and time. What the site records today is stripped before
it is kept (`serving.picture_files`); this does the same to what earlier releases kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from serving.picture_files import PictureError, read_picture_file
from webui.records.store import Filters, RecordNotFound, RecordStore


@dataclass(kw_only=True)
class Stripped:
    """Counts of the records that were read so far, newest first, and the place reached.

    Attributes:
        read: records.
        rewritten: of them, those whose picture had metadata.
        bytes: the size of what was removed.
        unreadable: those whose picture cannot be read within today's limits; it is kept as it is.
        reached: the instant of the last one.
    """

    read: int = 0
    rewritten: int = 0
    bytes: int = 0
    unreadable: int = 0
    reached: datetime | None = None


def strip_pictures(
    store: RecordStore, *, before: datetime | None = None, dry_run: bool = False
) -> Iterator[Stripped]:
    """Strip every picture of the store, and yield the same counts after each record.

    It can be stopped at any record: doing a record twice has the effect of doing it once.

    Args:
        before: only records of predictions before this instant, to go on from where it stopped.
        dry_run: count only.

    Raises:
        StoreUnavailable: what was done stays done.
    """
    counts = Stripped()
    for record in store.scan(Filters(until=before)):
        content = bytes(record.picture)
        try:
            stripped = read_picture_file(content).content if content else content
        except PictureError:
            counts.unreadable += 1
            stripped = content
        if stripped != content:
            if not dry_run:
                record.picture = stripped
                try:
                    store.replace_picture(record)
                except RecordNotFound:  # its visitor has deleted it meanwhile
                    continue
            counts.rewritten += 1
            counts.bytes += len(content) - len(stripped)
        counts.read += 1
        counts.reached = record.predicted_at
        yield counts
