"""Display of a record's pictures, probabilities and pen path."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.http import HttpResponse

from serving.preprocessing import INSTANCE_SIZE, instance_png
from webui.records.models import Record, Verdict

# First bytes of the formats that the API accepts, and records therefore hold.
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
UNKNOWN_PICTURE = "application/octet-stream"

CLASS_NAMES = (*(str(digit) for digit in range(10)), Verdict.NOT_A_DIGIT.label)
INK_MARGIN = 0.06  # of the larger side, so that strokes at the edge are not cut
INK_WIDTH = 0.05  # of the larger side; about the page's brush


def thumbnail(record: Record) -> str:
    """Returns the instance as a data URI of a 28x28 PNG, white on black; "" without one."""
    pixels = np.frombuffer(record.instance, dtype=np.uint8)
    if pixels.size != INSTANCE_SIZE * INSTANCE_SIZE:  # it may have expired
        return ""
    instance = pixels.reshape(INSTANCE_SIZE, INSTANCE_SIZE).astype(np.float32) / np.float32(255)
    return "data:image/png;base64," + base64.b64encode(instance_png(instance)).decode()


def content_type(picture: bytes) -> str:
    """Returns the type by the picture's first bytes, whatever the client declared."""
    if picture.startswith(_PNG):
        return "image/png"
    if picture.startswith(_JPEG):
        return "image/jpeg"
    if picture.startswith(b"RIFF") and picture[8:12] == b"WEBP":
        return "image/webp"
    return UNKNOWN_PICTURE


def picture_response(record: Record) -> HttpResponse:
    """Returns the picture as it was recorded, with headers that let a browser only show it."""
    kind = content_type(bytes(record.picture))
    response = HttpResponse(record.picture, content_type=kind)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    if kind == UNKNOWN_PICTURE:
        response["Content-Disposition"] = "attachment"
    return response


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The probability of one class."""

    name: str
    probability: float
    likeliest: bool

    @property
    def value(self) -> str:
        """The probability as an HTML attribute, with a decimal point in every language."""
        return f"{self.probability:.6f}"

    @property
    def percent(self) -> str:
        return f"{self.probability:.1%}"


def bars(probabilities: Sequence[float]) -> list[Bar]:
    """Returns a bar for each of the 10 or 11 classes, in their order."""
    most = max(probabilities, default=0.0)
    return [
        Bar(name=name, probability=probability, likeliest=probability == most)
        for name, probability in zip(CLASS_NAMES, probabilities, strict=False)
    ]


@dataclass(frozen=True, kw_only=True)
class InkDrawing:
    """The pen's path as SVG attributes, since the page's policy forbids inline styles."""

    view_box: str
    width: str
    strokes: Sequence[str]  # points of a polyline
    points: int
    seconds: float  # from the first point to the last


def ink_drawing(ink: Any) -> InkDrawing | None:
    """Converts ink, `[[[x, y, t_ms], …], …]`; returns None without points."""
    points = [point for stroke in ink or () for point in stroke]
    if not points:
        return None
    left, right = min(p[0] for p in points), max(p[0] for p in points)
    top, bottom = min(p[1] for p in points), max(p[1] for p in points)
    side = max(right - left, bottom - top) or 1
    margin = side * INK_MARGIN
    box = (left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin)
    times = [point[2] for point in points if len(point) > 2]
    return InkDrawing(
        view_box=" ".join(f"{value:g}" for value in box),
        width=f"{side * INK_WIDTH:g}",
        strokes=[
            # A single point is doubled: the round ends of the line make it visible.
            " ".join(f"{p[0]:g},{p[1]:g}" for p in (stroke if len(stroke) > 1 else stroke * 2))
            for stroke in ink
            if stroke
        ],
        points=len(points),
        seconds=(max(times) - min(times)) / 1000 if times else 0.0,
    )
