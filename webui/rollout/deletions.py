"""Deletion of the shadow's answers together with their record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from webui.records.deletions import records_deleted, records_expired
from webui.rollout.models import ShadowAnswer

IDS_PER_STATEMENT = 500  # old builds of SQLite take at most 999 values in one statement


def connect() -> None:
    """Registers the receivers; twice has the effect of once."""
    records_deleted.connect(_delete, dispatch_uid="rollout.shadow_answers")
    records_expired.connect(_expire, dispatch_uid="rollout.shadow_answers")


def _delete(record_ids: Sequence[UUID], **_: Any) -> None:
    for start in range(0, len(record_ids), IDS_PER_STATEMENT):
        some = record_ids[start : start + IDS_PER_STATEMENT]
        ShadowAnswer.objects.filter(record_id__in=some).delete()


def _expire(before: datetime, **_: Any) -> None:
    ShadowAnswer.objects.filter(recorded_at__lt=before).delete()
