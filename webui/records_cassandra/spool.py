"""Events that Cassandra has not taken yet, kept in the default database in their order.

Written in the visitor's request, read by the mover. An event stays until Cassandra has
acknowledged it; since every event carries its own instant, moving one twice moves it once.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from webui.records.models import Record, instant_of
from webui.records.store import StoreUnavailable
from webui.records_cassandra.grain import Grain
from webui.records_cassandra.models import SpooledEvent
from webui.records_cassandra.rows import document_of, record_of_document

LONGEST_DELAY = timedelta(hours=1)  # of an event that Cassandra refused again and again

Kind = SpooledEvent.Kind


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turns an error of the default database into one of the store."""
    try:
        yield
    except DatabaseError as problem:
        raise StoreUnavailable(f"{what}: {problem}") from problem


class Spool:
    """The table `record_spool`; safe for threads and processes, as the database is."""

    def append(self, record: Record, *, grain: Grain) -> None:
        self._put(
            SpooledEvent(
                kind=Kind.APPEND,
                record_id=record.id,
                happened_at=instant_of(record.id),
                document=document_of(record, grain),
                instance=bytes(record.instance),
                picture=bytes(record.picture),
            )
        )

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> None:
        self._put(
            SpooledEvent(
                kind=Kind.CORRECT,
                record_id=record_id,
                happened_at=at,
                document={"label": label, "by": by},
            )
        )

    def delete(self, record_ids: Iterable[UUID], *, at: datetime) -> None:
        self._put(
            *(
                SpooledEvent(kind=Kind.DELETE, record_id=record_id, happened_at=at)
                for record_id in record_ids
            )
        )

    def _put(self, *events: SpooledEvent) -> None:
        """All of them or none.

        Raises:
            StoreUnavailable: if the default database does not take them either.
        """
        with _translated("the spool cannot take an event"), transaction.atomic():
            for event in events:
                event.save(force_insert=True)

    def of_record(self, record_id: UUID) -> Sequence[SpooledEvent]:
        """What waits for one record, oldest first."""
        with _translated("the spool cannot be read"):
            return list(self._events().filter(record_id=record_id))

    def concerning(self, record_ids: Sequence[UUID]) -> set[UUID]:
        """Which of these records have something waiting."""
        found: set[UUID] = set()
        with _translated("the spool cannot be read"):
            for start in range(0, len(record_ids), 500):  # SQLite takes so many values at once
                waiting = self._events().filter(record_id__in=record_ids[start : start + 500])
                found.update(waiting.values_list("record_id", flat=True))
        return found

    def _events(self) -> QuerySet[SpooledEvent]:
        return SpooledEvent.objects.order_by("id")

    def waiting(self) -> int:
        with _translated("the spool cannot be read"):
            return SpooledEvent.objects.count()

    def something_waits(self) -> bool:
        """Whether there is anything to move now."""
        return self._due().exists()

    def _due(self) -> QuerySet[SpooledEvent]:
        return self._events().filter(
            Q(not_before__isnull=True) | Q(not_before__lte=datetime.now(UTC))
        )

    def oldest(self, count: int) -> list[SpooledEvent]:
        return list(self._due()[:count])

    def append_waits(self, record_id: UUID) -> bool:
        return SpooledEvent.objects.filter(record_id=record_id, kind=Kind.APPEND).exists()

    def done(self, events: Sequence[SpooledEvent]) -> None:
        SpooledEvent.objects.filter(id__in=[event.pk for event in events]).delete()

    def refused(self, event: SpooledEvent, because: str) -> None:
        """Keeps it, lets the others go first, and waits longer each time."""
        delay = min(timedelta(seconds=2 ** min(event.refusals, 20)), LONGEST_DELAY)
        SpooledEvent.objects.filter(pk=event.pk).update(
            refusals=event.refusals + 1,
            refused_because=because[:2000],
            not_before=datetime.now(UTC) + delay,
        )

    def check(self) -> None:
        """Writes an event and takes it out again, in one transaction that is committed.

        Anything less finds out neither that the disk is full nor that it may only be read.

        Raises:
            StoreUnavailable
        """
        with _translated("the spool cannot be written"), transaction.atomic():
            SpooledEvent.objects.create(
                kind=Kind.DELETE,
                record_id=UUID(int=0),
                happened_at=datetime.now(UTC),
                picture=bytes(4096),
            ).delete()


def record_of_event(event: SpooledEvent) -> Record:
    """The record of an APPEND."""
    return record_of_document(
        event.record_id,
        event.document,
        instance=bytes(event.instance),
        picture=bytes(event.picture),
    )


def grain_of_event(event: SpooledEvent) -> Grain:
    return Grain(event.document["grain"])


def overlaid(record: Record | None, events: Sequence[SpooledEvent]) -> Record | None:
    """What a record is once its waiting events are done; None if there is no such record."""
    for event in events:
        if event.kind == Kind.APPEND:
            record = record_of_event(event) if record is None else record
        elif event.kind == Kind.DELETE:
            record = None
        elif record is not None:
            correct_in_memory(record, event.document, at=event.happened_at)
    return record


def correct_in_memory(record: Record, document: dict[str, Any], *, at: datetime) -> None:
    record.corrected_label = document["label"]
    record.corrected_by = document["by"]
    record.corrected_at = at
