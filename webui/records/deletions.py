"""Signals of deleted records, for what other apps keep about a record.

Other apps reference a record by its id, never by a foreign key: records may be in Cassandra. A
receiver deletes its rows of the default database. What it raises stops the deletion.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.dispatch import Signal

from webui.database.statements import in_parts

# Sent by every store's `delete`, with `record_ids`, a sequence of ids. The database store sends it
# within its transaction, so all is deleted or nothing. The Cassandra store sends it before it
# deletes: an error leaves a record without its decisions rather than decisions without a record.
records_deleted = Signal()

# Sent by `webui.records.pruning`, with `before`: records predicted before this instant have
# expired in whichever store they are, Cassandra's by their time to live.
records_expired = Signal()


def delete_with_records(models: Mapping[type[Model], str | None]) -> None:
    """Have rows of other apps deleted with the record that their field `record_id` names.

    An app calls it when it is ready; twice has the effect of once.

    Args:
        models: each with its field that holds when the record was predicted, by which its rows
            expire; None for rows that end by themselves.
    """
    for model, predicted_at in models.items():
        _delete_with_records(model, predicted_at)


def _delete_with_records(model: type[Model], predicted_at: str | None) -> None:
    rows = model._default_manager

    def delete(record_ids: Sequence[UUID], **_: Any) -> None:
        for some in in_parts(record_ids):
            rows.filter(record_id__in=some).delete()

    def expire(before: datetime, **_: Any) -> None:
        rows.filter(**{f"{predicted_at}__lt": before}).delete()

    # Not weak: nothing else holds the two functions.
    records_deleted.connect(delete, weak=False, dispatch_uid=model._meta.label)
    if predicted_at is not None:
        records_expired.connect(expire, weak=False, dispatch_uid=model._meta.label)
