"""A record as Cassandra's columns, and back."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from webui.records.models import Record, instant_of
from webui.records_cassandra.grain import UNIX_EPOCH, Grain

# In the order in which statements name them.
RECORD_COLUMNS = (
    "predicted_at",
    "verdict",
    "digit",
    "confidence",
    "probabilities",
    "model_name",
    "model_version",
    "model_label",
    "latency_ms",
    "visitor",
)
CORRECTION_COLUMNS = ("corrected_label", "corrected_at", "corrected_by")


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970: how Cassandra stamps writes; the later stamp wins."""
    return (instant - UNIX_EPOCH) // timedelta(microseconds=1)


def record_values(record: Record) -> list[Any]:
    """Values for RECORD_COLUMNS."""
    return [getattr(record, name) for name in RECORD_COLUMNS]


def picture_values(record: Record) -> tuple[bytes, bytes, str | None]:
    """Instance, picture and ink (as JSON)."""
    ink = None if record.ink is None else json.dumps(record.ink, separators=(",", ":"))
    return bytes(record.instance), bytes(record.picture), ink


def corrected_at_of(row: Mapping[str, Any]) -> datetime | None:
    """When a row was corrected: the stamp of its correction."""
    stamp: int | None = row["corrected_stamp"]
    return None if stamp is None else UNIX_EPOCH + timedelta(microseconds=stamp)


def record_of(row: Mapping[str, Any]) -> Record:
    """The record of a row of `record_data`, without instance, picture and ink."""
    return Record(
        id=row["id"],
        # The id names its instant to the microsecond, Cassandra's timestamp to the millisecond.
        predicted_at=instant_of(row["id"]),
        verdict=row["verdict"],
        digit=row["digit"],
        confidence=row["confidence"],
        probabilities=list(row["probabilities"] or ()),
        model_name=row["model_name"],
        model_version=row["model_version"],
        model_label=row["model_label"],
        latency_ms=row["latency_ms"],
        visitor=row["visitor"] or "",
        corrected_label=row["corrected_label"] or "",
        corrected_at=corrected_at_of(row),
        corrected_by=row["corrected_by"] or "",
        instance=b"",
        picture=b"",
        ink=None,
    )


def add_pictures(record: Record, row: Mapping[str, Any] | None) -> Record:
    """Fills in what a row of `record_pictures` holds; a picture may have outlived its time."""
    if row is not None:
        record.instance = row.get("instance") or b""
        record.picture = row.get("picture") or b""
        ink = row.get("ink")
        record.ink = None if ink is None else json.loads(ink)
    return record


def document_of(record: Record, grain: Grain) -> dict[str, Any]:
    """A record for the spool, as JSON without instance and picture.

    It names the grain of the bucket that was tried first: an insert that timed out may have
    been taken, and the same bucket must be written again, even if the setting has changed.
    """
    document: dict[str, Any] = {name: getattr(record, name) for name in RECORD_COLUMNS[1:]}
    return {**document, "ink": record.ink, "grain": grain.value}


def record_of_document(
    record_id: Any, document: Mapping[str, Any], *, instance: bytes, picture: bytes
) -> Record:
    """The record that `document_of` wrote down."""
    values = {name: document[name] for name in RECORD_COLUMNS[1:]}
    return Record(
        id=record_id,
        predicted_at=instant_of(record_id),
        ink=document["ink"],
        instance=bytes(instance),
        picture=bytes(picture),
        **values,
    )
