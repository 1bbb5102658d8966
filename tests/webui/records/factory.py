"""Records for tests: real shapes, instants to choose."""

import secrets
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from PIL import Image, ImageDraw

from webui.records.models import GREGORIAN_EPOCH, Record, Verdict, instant_of, new_record_id

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
INK = [[[10.5, 12.0, 0], [14.25, 90.0, 16]], [[40.0, 8.0, 410], [41.0, 95.5, 460]]]


def id_at(instant: datetime) -> UUID:
    """A record id as `new_record_id` would have made it at that instant."""
    ticks = (instant - GREGORIAN_EPOCH) // timedelta(microseconds=1) * 10
    return UUID(
        fields=(
            ticks & 0xFFFFFFFF,
            ticks >> 32 & 0xFFFF,
            ticks >> 48 & 0x0FFF | 0x1000,
            secrets.randbits(6) | 0x80,
            secrets.randbits(8),
            secrets.randbits(48) | 0x010000000000,
        )
    )


def drawn_picture(digit: int = 7) -> bytes:
    """A PNG of a few strokes, another one for each digit."""
    picture = Image.new("L", (64, 64), 255)
    pen = ImageDraw.Draw(picture)
    pen.line((10, 10 + digit, 50, 12), fill=0, width=5)
    pen.line((50, 12, 20 + digit, 56), fill=0, width=5)
    packed = BytesIO()
    picture.save(packed, "PNG")
    return packed.getvalue()


def make_record(*, at: datetime | None = None, **changed: Any) -> Record:
    """A record that is not kept yet; of this instant unless another is named."""
    record_id = new_record_id() if at is None else id_at(at)
    digit = changed.get("digit", 7)
    said = 0 if digit is None else digit
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
        "instance": bytes((said * 7 + place) % 256 for place in range(784)),
        "picture": drawn_picture(said),
        "ink": INK,
        **changed,
    }
    values["verdict"] = str(values["verdict"])
    return Record(id=record_id, predicted_at=instant_of(record_id), **values)
