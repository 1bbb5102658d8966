"""Deletes records and pictures that are older than the retention allows, from the database store.

Cassandra does this by itself: its rows have a time to live. Records that were in the default
database before Cassandra was configured are pruned here as well.

Everything is done in small transactions, oldest record first, so that visitors' writes wait a
few milliseconds at most. A run that is interrupted loses nothing: the next one goes on from
where it was.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Length

from webui.database.maintenance import erase_deleted
from webui.leases import Lease
from webui.records.deletions import records_deleted, records_expired
from webui.records.models import Pruning, Record
from webui.records.retention import Retention

LEASE = "prune_records"  # its row's key
BATCH_RECORDS = 200
# Of the pictures in a batch (or one picture): SQLite overwrites them with zeros, and every page
# of them goes through the write-ahead log.
BATCH_BYTES = 8 * 2**20
PAUSE_SECONDS = 0.05  # between batches, in which waiting writers get their turn


class PrunedElsewhere(Exception):
    """Another process is pruning at this moment."""


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """Numbers of deleted records, and of records that lost picture and ink."""

    records: int = 0
    pictures: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(records=self.records + other.records, pictures=self.pictures + other.pictures)


@dataclass(frozen=True, kw_only=True)
class _Cutoffs:
    """Predictions before these instants lose the record, or the picture; None: no prediction."""

    records: datetime | None
    pictures: datetime | None

    @classmethod
    def of(cls, retention: Retention) -> "_Cutoffs":
        now = datetime.now(UTC)
        return cls(
            records=None if retention.records is None else now - retention.records,
            pictures=None if retention.pictures is None else now - retention.pictures,
        )


def expired(retention: Retention) -> Pruned:
    """Counts what `prune` would delete now; reads no more than that."""
    cutoffs = _Cutoffs.of(retention)
    records = pictures = 0
    if cutoffs.records is not None:
        records = Record.objects.filter(predicted_at__lt=cutoffs.records).count()
    if cutoffs.pictures is not None:
        left = _with_expired_picture(cutoffs.pictures)
        if cutoffs.records is not None:
            left = left.filter(predicted_at__gte=cutoffs.records)  # the others are deleted whole
        pictures = left.count()
    return Pruned(records=records, pictures=pictures)


def prune(
    retention: Retention,
    *,
    limit: int | None = None,
    progress: Callable[[Pruned], object] = lambda batch: None,
) -> Pruned:
    """Deletes what has expired, and returns how much that was.

    Args:
        limit: how many records to change at most; None for all.
        progress: called with each batch.

    Raises:
        PrunedElsewhere: another process is at it.
        LeaseLost: this process was so slow that another has taken over.
        DatabaseError: the database is locked, full or down; what was done stays done.
    """
    lease = Lease(Pruning, LEASE)
    if not lease.acquire():
        raise PrunedElsewhere("another process is pruning")
    total, cutoffs = Pruned(), _Cutoffs.of(retention)
    try:
        for batch in _batches(cutoffs, limit):
            total += batch
            progress(batch)
            lease.renew()  # a batch takes far less than a lease lasts
            time.sleep(PAUSE_SECONDS)
        if cutoffs.records is not None:
            # Also of what Cassandra has deleted by itself. With a limit some records may still
            # be here; they are deleted by the next run, and nobody is shown them for review.
            records_expired.send(Record, before=cutoffs.records)
    finally:
        # Also after an error, and when nothing was due: a visitor's deletion may have found
        # readers of the log.
        erase_deleted()
        lease.release()
    Pruning.objects.filter(pk=LEASE).update(ran_at=datetime.now(UTC))
    return total


def last_run() -> datetime | None:
    """Returns when `prune` last came to its end; None if it never has."""
    return Pruning.objects.filter(pk=LEASE).values_list("ran_at", flat=True).first()


def _batches(cutoffs: _Cutoffs, limit: int | None) -> Iterator[Pruned]:
    left = limit
    for cutoff, prune_batch in (
        (cutoffs.records, _delete_records),
        (cutoffs.pictures, _remove_pictures),
    ):
        while cutoff is not None and left != 0:
            batch = prune_batch(cutoff, BATCH_RECORDS if left is None else min(left, BATCH_RECORDS))
            changed = batch.records + batch.pictures
            if not changed:
                break
            if left is not None:
                left -= changed
            yield batch


def _delete_records(cutoff: datetime, most: int) -> Pruned:
    rows = _oldest(Record.objects.filter(predicted_at__lt=cutoff), most)
    ids = [record_id for record_id, _ in rows]
    with transaction.atomic():
        Record.objects.filter(pk__in=ids).delete()
        records_deleted.send(Record, record_ids=ids)
    return Pruned(records=len(rows))


def _remove_pictures(cutoff: datetime, most: int) -> Pruned:
    rows = _oldest(_with_expired_picture(cutoff), most)
    last = rows[-1][1] if rows else cutoff
    with transaction.atomic():
        Record.objects.filter(pk__in=[record_id for record_id, _ in rows]).update(
            picture=b"", ink=None
        )
        Pruning.objects.filter(pk=LEASE).update(pictures_removed_until=last)
    return Pruned(pictures=len(rows))


def _with_expired_picture(cutoff: datetime) -> "QuerySet[Record]":
    """Returns records before the cutoff that have a picture.

    Those that an earlier run has dealt with are not read again: every id is made at its instant,
    so no record is added among them.
    """
    rows = Record.objects.annotate(size=Length("picture")).filter(
        predicted_at__lt=cutoff, size__gt=0
    )
    done = Pruning.objects.filter(pk=LEASE).values_list("pictures_removed_until", flat=True).first()
    if done is not None and done <= cutoff:  # later ones are from a clock that was fast
        rows = rows.filter(predicted_at__gte=done)
    return rows


def _oldest(rows: "QuerySet[Record]", most: int) -> list[tuple[UUID, datetime]]:
    """Returns ids and instants of the oldest rows whose pictures fit into a batch, or of one."""
    chosen: list[tuple[UUID, datetime]] = []
    size = 0
    ordered = rows.order_by("predicted_at", "id").annotate(size=Length("picture"))
    for record_id, at, picture in ordered.values_list("id", "predicted_at", "size")[:most]:
        size += picture
        if chosen and size > BATCH_BYTES:
            break
        chosen.append((record_id, at))
    return chosen
