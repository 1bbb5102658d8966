"""Which records have a label that can be trained on: prompted and reviewed ones.

What reviewers agree on counts more than a prompt. A drawing that they rejected, or about which they
differ, has no label.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar
from uuid import UUID

from webui.collection.models import PromptedDrawing
from webui.review.models import REJECTED
from webui.review.selectors import agreed_label, decisions_on, final_decisions

ROWS_AT_ONCE = 500
PROMPT, REVIEW = "prompt", "review"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A record's label, and where it comes from."""

    record_id: UUID
    label: str  # "0".."9" or "not_a_digit"
    source: str  # PROMPT or REVIEW: how the drawing was collected
    writer: str | None = None  # None: as the record's visitor says
    session: str = ""  # code


def labelled() -> Iterator[Labelled]:
    """Yield every record with a label once; the order says nothing."""
    yield from _prompted()
    yield from _reviewed()


def _prompted() -> Iterator[Labelled]:
    """Yield prompted drawings; their label is what was asked for, unless reviewers differ."""
    rows = PromptedDrawing.objects.filter(drawn_at__isnull=False).values_list(
        "record_id", "digit", "participation__writer", "participation__session__code"
    )
    drawings = (
        Labelled(
            record_id=record_id,
            label=str(digit),
            source=PROMPT,
            writer=writer,
            session=code or "",
        )
        for record_id, digit, writer, code in rows.order_by("record_id").iterator(ROWS_AT_ONCE)
    )
    for some in _batches(drawings):
        yield from _as_reviewed(some)


def _as_reviewed(drawings: list[Labelled]) -> Iterator[Labelled]:
    """Yield drawings with what their reviewers, if there are any, agree on."""
    decisions = decisions_on([drawing.record_id for drawing in drawings])
    for drawing in drawings:
        found = decisions.get(drawing.record_id)
        if not found:
            yield drawing
            continue
        label = agreed_label([decision.label for decision in found])
        if label is not None and label != REJECTED:
            yield replace(drawing, label=label)


def _reviewed() -> Iterator[Labelled]:
    """Yield reviewed drawings that nobody was asked for."""
    accepted = (final for final in final_decisions() if final.label != REJECTED)
    for some in _batches(accepted):
        ids = [final.record_id for final in some]
        prompted = set(
            PromptedDrawing.objects.filter(record_id__in=ids).values_list("record_id", flat=True)
        )
        for final in some:
            if final.record_id not in prompted:
                yield Labelled(record_id=final.record_id, label=final.label, source=REVIEW)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, ROWS_AT_ONCE)):
        yield some
