"""Deletion of decisions together with their record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from webui.records.deletions import records_deleted, records_expired
from webui.review.models import Decision, Dispute, ReviewLease

IDS_PER_STATEMENT = 500  # old builds of SQLite take at most 999 values in one statement


def connect() -> None:
    """Registers the receivers; twice has the effect of once."""
    records_deleted.connect(_delete, dispatch_uid="review.decisions")
    records_expired.connect(_expire, dispatch_uid="review.decisions")


def _delete(record_ids: Sequence[UUID], **_: Any) -> None:
    for start in range(0, len(record_ids), IDS_PER_STATEMENT):
        some = record_ids[start : start + IDS_PER_STATEMENT]
        for rows in (Decision.objects, Dispute.objects, ReviewLease.objects):
            rows.filter(record_id__in=some).delete()


def _expire(before: datetime, **_: Any) -> None:
    for rows in (Decision.objects, Dispute.objects):
        rows.filter(recorded_at__lt=before).delete()
