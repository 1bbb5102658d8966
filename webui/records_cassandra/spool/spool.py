"""The spool: events that Cassandra has not taken yet, in the default database, in order.

Events are written in the visitor's request and replayed by the spool worker. An event stays
until Cassandra has acknowledged it; every event carries its own instant, so replaying one twice
has the effect of replaying it once.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from webui.database.maintenance import CHECK_WAIT_SECONDS, require_room, waiting_at_most
from webui.database.statements import in_parts
from webui.records.models import Record, instant_of
from webui.records.store import StoreUnavailable
from webui.records_cassandra.models import SpooledEvent
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.rows import RECORD_COLUMNS

LONGEST_DELAY = timedelta(hours=1)  # before an event that was refused again and again is retried
# `predicted_at` follows from the id.
DOCUMENT_FIELDS = tuple(name for name in RECORD_COLUMNS if name != "predicted_at")

Kind = SpooledEvent.Kind


@contextmanager
def _translate_errors(action: str) -> Iterator[None]:
    """Turns an error of the default database into one of the store."""
    try:
        yield
    except DatabaseError as problem:
        raise StoreUnavailable(f"{action}: {problem}") from problem


class Spool:
    """The table `record_spool`; as safe for threads and processes as the database is."""

    # --- written by requests ---------------------------------------------------------------

    def append(self, record: Record, *, layout: BucketLayout) -> None:
        """Spools an insert.

        Args:
            layout: of the bucket that was tried first. An insert that timed out may have been
                taken, so the same bucket must be written again even if the setting has changed.
        """
        with _translate_errors("the spool cannot take an event"):
            require_room()
        document = {name: getattr(record, name) for name in DOCUMENT_FIELDS}
        self._put(
            SpooledEvent(
                kind=Kind.APPEND,
                record_id=record.id,
                happened_at=instant_of(record.id),
                document={**document, "ink": record.ink, "grain": str(layout)},
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
        """Saves all events or none.

        Raises:
            StoreUnavailable: the default database does not take them either.
        """
        with _translate_errors("the spool cannot take an event"), transaction.atomic():
            for event in events:
                event.save(force_insert=True)

    def check(self) -> None:
        """Writes an event and deletes it again, in one transaction that is committed.

        Anything less would miss a full disk or a read-only file.

        Raises:
            StoreUnavailable
        """
        with (
            _translate_errors("the spool cannot be written"),
            waiting_at_most(CHECK_WAIT_SECONDS),
            transaction.atomic(),
        ):
            require_room()
            SpooledEvent.objects.create(
                kind=Kind.DELETE,
                record_id=UUID(int=0),
                happened_at=datetime.now(UTC),
                picture=bytes(4096),
            ).delete()

    # --- read by requests ------------------------------------------------------------------

    def of_record(self, record_id: UUID) -> Sequence[SpooledEvent]:
        """Returns the pending events of one record, oldest first."""
        with _translate_errors("the spool cannot be read"):
            return list(SpooledEvent.objects.order_by("id").filter(record_id=record_id))

    def with_events(self, record_ids: Sequence[UUID]) -> set[UUID]:
        """Returns those of the records that have pending events."""
        return self._among(SpooledEvent.objects.all(), record_ids)

    def with_deletions(self, record_ids: Sequence[UUID]) -> set[UUID]:
        """Returns those of the records whose deletion is pending."""
        return self._among(SpooledEvent.objects.filter(kind=Kind.DELETE), record_ids)

    def _among(self, events: QuerySet[SpooledEvent], record_ids: Sequence[UUID]) -> set[UUID]:
        found: set[UUID] = set()
        with _translate_errors("the spool cannot be read"):
            for some in in_parts(record_ids):
                found.update(events.filter(record_id__in=some).values_list("record_id", flat=True))
        return found

    def appended_by(self, visitor: str) -> Sequence[UUID]:
        """Returns the ids of a visitor's records whose insert is pending.

        Reads the whole spool: it is short but for an outage, and this is asked for rarely.
        """
        with _translate_errors("the spool cannot be read"):
            events = SpooledEvent.objects.filter(kind=Kind.APPEND, document__visitor=visitor)
            return tuple(events.values_list("record_id", flat=True))

    def pending(self) -> int:
        """Returns the number of events."""
        with _translate_errors("the spool cannot be read"):
            return SpooledEvent.objects.count()

    # --- replayed by the worker ------------------------------------------------------------

    def has_due(self) -> bool:
        """Return whether there is an event to replay now."""
        return self._due().exists()

    def oldest_due(self, count: int) -> list[SpooledEvent]:
        return list(self._due()[:count])

    def _due(self) -> QuerySet[SpooledEvent]:
        return SpooledEvent.objects.order_by("id").filter(
            Q(not_before__isnull=True) | Q(not_before__lte=datetime.now(UTC))
        )

    def has_append(self, record_id: UUID) -> bool:
        """Return whether the insert of a record is pending."""
        return SpooledEvent.objects.filter(record_id=record_id, kind=Kind.APPEND).exists()

    def remove(self, events: Sequence[SpooledEvent]) -> None:
        """Removes events that Cassandra has acknowledged."""
        SpooledEvent.objects.filter(id__in=[event.pk for event in events]).delete()

    def postpone(self, event: SpooledEvent, *, because: str) -> None:
        """Keeps an event that Cassandra refused, and delays it longer each time."""
        delay = min(timedelta(seconds=2 ** min(event.refusals, 20)), LONGEST_DELAY)
        SpooledEvent.objects.filter(pk=event.pk).update(
            refusals=event.refusals + 1,
            refused_because=because[:2000],
            not_before=datetime.now(UTC) + delay,
        )


def record_of_event(event: SpooledEvent) -> Record:
    """Returns the record of an APPEND event."""
    return Record(
        id=event.record_id,
        predicted_at=instant_of(event.record_id),
        ink=event.document["ink"],
        instance=bytes(event.instance),
        picture=bytes(event.picture),
        **{name: event.document[name] for name in DOCUMENT_FIELDS},
    )


def layout_of_event(event: SpooledEvent) -> BucketLayout:
    """Returns the layout of the bucket of an APPEND event."""
    return BucketLayout.parse(event.document["grain"])


def apply_events(record: Record | None, events: Sequence[SpooledEvent]) -> Record | None:
    """Returns a record as it will be after its pending events; None if there will be none."""
    for event in events:
        if event.kind == Kind.APPEND:
            record = record_of_event(event) if record is None else record
        elif event.kind == Kind.DELETE:
            record = None
        elif record is not None:
            apply_correction(record, event.document, at=event.happened_at)
    return record


def apply_correction(record: Record, document: dict[str, Any], *, at: datetime) -> None:
    record.corrected_label = document["label"]
    record.corrected_by = document["by"]
    record.corrected_at = at
