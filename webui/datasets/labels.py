"""Which records have a label that can be trained on: prompted and reviewed ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from webui.collection.models import PromptedDrawing

ROWS_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A record's label, and where it comes from."""

    record_id: UUID
    label: str  # "0".."9" or "not_a_digit"
    source: str  # "prompt" or "review"
    writer: str | None = None  # None: as the record's visitor says
    session: str = ""  # code


def labelled() -> Iterator[Labelled]:
    """Yield every record with a label, in the order of the ids."""
    yield from _prompted()


def _prompted() -> Iterator[Labelled]:
    """Yield prompted drawings; their label is what was asked for."""
    rows = (
        PromptedDrawing.objects.filter(drawn_at__isnull=False)
        .order_by("record_id")
        .values_list("record_id", "digit", "participation__writer", "participation__session__code")
    )
    for record_id, digit, writer, code in rows.iterator(ROWS_AT_ONCE):
        yield Labelled(
            record_id=record_id,
            label=str(digit),
            source="prompt",
            writer=writer,
            session=code or "",
        )
