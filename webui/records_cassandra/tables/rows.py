"""Conversion between a record and the columns of Cassandra's tables."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from webui.records.models import Record, instant_of
from webui.records_cassandra.tables.bucket_width import UNIX_EPOCH

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
    """Returns microseconds since 1970, Cassandra's write timestamp; the larger one wins."""
    return (instant - UNIX_EPOCH) // timedelta(microseconds=1)


def record_values(record: Record) -> list[Any]:
    """Returns the values of RECORD_COLUMNS."""
    return [getattr(record, name) for name in RECORD_COLUMNS]


def picture_values(record: Record) -> tuple[bytes, bytes, str | None]:
    """Returns instance, picture and ink (as JSON)."""
    ink = None if record.ink is None else json.dumps(record.ink, separators=(",", ":"))
    return bytes(record.instance), bytes(record.picture), ink


def is_record(row: Mapping[str, Any]) -> bool:
    """Return whether a row is a record, rather than a correction of a deleted one."""
    return row["predicted_at"] is not None


def corrected_at_of(row: Mapping[str, Any]) -> datetime | None:
    """Returns the instant of a row's correction, from its write timestamp; None without one."""
    timestamp: int | None = row["corrected_timestamp"]
    return None if timestamp is None else UNIX_EPOCH + timedelta(microseconds=timestamp)


def record_of(row: Mapping[str, Any]) -> Record:
    """Returns the record of a row of `record_data`, without instance, picture and ink."""
    return Record(
        id=row["id"],
        # The id is exact to the microsecond, Cassandra's timestamp type to the millisecond.
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
    """Fills in the columns of a row of `record_pictures`; None if it has expired."""
    if row is not None:
        record.instance = row.get("instance") or b""
        record.picture = row.get("picture") or b""
        ink = row.get("ink")
        record.ink = None if ink is None else json.loads(ink)
    return record
