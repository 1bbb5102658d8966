"""Records for tests: plausible values, of which any can be chosen."""

import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Any
from uuid import UUID

from PIL import Image, ImageDraw

from webui.records.models import Record, Verdict, instant_of, new_record_id
from webui.records.store import Recorded, RecordStore
from webui.records_cassandra.tables.timeuuid import ticks_of, timeuuid

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
INK = [[[10.5, 12.0, 0], [14.25, 90.0, 16]], [[40.0, 8.0, 410], [41.0, 95.5, 460]]]


def id_at(instant: datetime) -> UUID:
    """Returns a record id as `new_record_id` would have made it at that instant."""
    variant = 0b10 << 62  # RFC 9562, 4.1
    return timeuuid(ticks_of(instant), variant | secrets.randbits(62))


@cache
def drawn_picture(digit: int = 7) -> bytes:
    """Returns a PNG of two strokes, a different one for each digit."""
    picture = Image.new("L", (64, 64), 255)
    pen = ImageDraw.Draw(picture)
    pen.line((10, 10 + digit, 50, 12), fill=0, width=5)
    pen.line((50, 12, 20 + digit, 56), fill=0, width=5)
    packed = BytesIO()
    picture.save(packed, "PNG")
    return packed.getvalue()


def make_record(*, at: datetime | None = None, **changed: Any) -> Record:
    """Returns an unsaved record, of the current instant by default."""
    record_id = new_record_id() if at is None else id_at(at)
    digit = changed.get("digit", 7)
    drawn = 0 if digit is None else digit
    probabilities = [0.01] * 11
    probabilities[10 if digit is None else digit] = 0.9
    values: dict[str, Any] = {
        "verdict": Verdict.NOT_A_DIGIT if digit is None else Verdict.DIGIT,
        "digit": digit,
        "confidence": 0.9,
        "probabilities": probabilities,
        "model_name": "digits",
        "model_version": 2,
        "model_label": "stable",
        "latency_ms": 3.5,
        "visitor": "f" * 64,
        "instance": bytes((drawn * 7 + place) % 256 for place in range(784)),
        "picture": drawn_picture(drawn),
        "ink": INK,
        **changed,
    }
    values["verdict"] = str(values["verdict"])
    return Record(id=record_id, predicted_at=instant_of(record_id), **values)


def append_records(
    store: RecordStore, count: int, *, apart: timedelta = timedelta(seconds=1), **changed: Any
) -> list[Record]:
    """Appends records from NOON on, and returns them newest first."""
    records = [make_record(at=NOON + number * apart, **changed) for number in range(count)]
    for record in records:
        assert store.append(record) is Recorded.STORED
    return records[::-1]


def equal(one: Record, other: Record) -> bool:
    """Return whether all fields are equal."""
    fields = [field.name for field in Record._meta.get_fields()]
    return all(getattr(one, name) == getattr(other, name) for name in fields)
