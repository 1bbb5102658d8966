"""Deciding what drawings show, and undoing it."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from webui.records.models import Record
from webui.records.selectors import predicted_label
from webui.records.store import store
from webui.review.models import DECISIONS, Decision, Dispute, ReviewLease
from webui.review.selectors import decisions_on, needs_third


class ReviewError(Exception):
    """Base class of errors that a reviewer can mend."""


class UnknownLabel(ReviewError, ValueError):
    """The label is none that a decision can have."""


class AlreadyReviewed(ReviewError):
    """The reviewer has decided on this drawing before, and not undone it."""


class NothingToUndo(ReviewError):
    """The reviewer has no decision that is not undone."""


def decide(record_id: UUID, *, label: str, reviewer: str) -> Decision:
    """Records what a reviewer says that a drawing shows.

    Args:
        label: "0" to "9", "not_a_digit", or "rejected" for a drawing of no use.
        reviewer: the user name.

    Raises:
        UnknownLabel, AlreadyReviewed
        RecordNotFound, StoreUnavailable: as `RecordStore.get`.
    """
    _require_label(label)
    return _write([(store().get(record_id), label)], reviewer)[0]


def decide_together(labels: Sequence[tuple[UUID, str]], *, reviewer: str) -> Sequence[Decision]:
    """Records decisions on several drawings, all or none; `undo` undoes them together.

    Raises:
        UnknownLabel, AlreadyReviewed, RecordNotFound, StoreUnavailable: nothing was recorded.
    """
    for _, label in labels:
        _require_label(label)
    return _write([(store().get(record_id), label) for record_id, label in labels], reviewer)


def undo(reviewer: str) -> Sequence[Decision]:
    """Undoes the reviewer's latest decision, or those made together with it, and returns them.

    The rows stay, marked as undone; the reviewer may decide on these drawings again.

    Raises:
        NothingToUndo
    """
    with transaction.atomic():
        own = Decision.objects.filter(reviewer=reviewer, undone_at=None)
        latest = own.order_by("-at", "-id").first()
        if latest is None:
            raise NothingToUndo("There is no decision of yours to undo.")
        undone = list(own.filter(batch=latest.batch).order_by("id"))
        now = datetime.now(UTC)
        own.filter(batch=latest.batch).update(undone_at=now)
    _update_disputes(undone)
    for decision in undone:
        decision.undone_at = now
    return undone


def _require_label(label: str) -> None:
    if label not in DECISIONS:
        raise UnknownLabel(
            f"“{label}” is not a label; a label is 0 to 9, {DECISIONS[-2]} or {DECISIONS[-1]}."
        )


def _write(labelled: Sequence[tuple[Record, str]], reviewer: str) -> Sequence[Decision]:
    now, batch = datetime.now(UTC), uuid.uuid4()
    decisions = [
        Decision(
            record_id=record.id,
            recorded_at=record.predicted_at,
            label=label,
            reviewer=reviewer,
            at=now,
            answer=predicted_label(record),
            model_version=record.model_version,
            batch=batch,
        )
        for record, label in labelled
    ]
    try:
        with transaction.atomic():
            written = Decision.objects.bulk_create(decisions)
            ReviewLease.objects.filter(record_id__in=[one.record_id for one in written]).delete()
    except IntegrityError:
        raise AlreadyReviewed(
            "You have decided on this drawing before; undo that decision to change it."
            if len(decisions) == 1
            else "You have decided on one of these drawings before; load the page again."
        ) from None
    _update_disputes(written)
    return written


def _update_disputes(changed: Sequence[Decision]) -> None:
    """Keeps a row for each drawing that a third reviewer must see.

    After the transaction of the decisions: of two reviewers who decide at once, the later sees
    both. Should the site stop in between, the queue still finds the drawing in its window.
    """
    decided = decisions_on([one.record_id for one in changed])
    for one in changed:
        if needs_third(decided.get(one.record_id, ())):
            Dispute.objects.get_or_create(
                pk=one.record_id, defaults={"recorded_at": one.recorded_at}
            )
        else:
            Dispute.objects.filter(pk=one.record_id).delete()
