"""Reading participations and their progress."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from webui.collection.models import Participation, PromptedDrawing
from webui.collection.prompts import prompts_of


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """The digit to draw next."""

    number: int
    digit: int


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A participant's progress."""

    participation: Participation
    drawn: int
    prompt: Prompt | None  # None: all are drawn
    last: int | None  # number of the latest drawing

    @property
    def wanted(self) -> int:
        return self.participation.drawings_wanted


def open_participation(visitor: str) -> Participation | None:
    """Return what the visitor takes part in."""
    return (
        Participation.objects.select_related("session")
        .filter(visitor=visitor, ended_at__isnull=True)
        .first()
    )


def progress_of(participation: Participation) -> Progress:
    """Return how far a participant is; the next prompt is the first without a drawing."""
    drawn = dict(
        participation.drawings.filter(drawn_at__isnull=False).values_list("number", "drawn_at")
    )
    prompts = prompts_of(participation.writer, participation.drawings_wanted)
    open_numbers = (number for number in range(len(prompts)) if number not in drawn)
    number = next(open_numbers, None)
    return Progress(
        participation=participation,
        drawn=len(drawn),
        prompt=None if number is None else Prompt(number=number, digit=prompts[number]),
        last=max(drawn, key=lambda each: (drawn[each], each), default=None),
    )


def prompted_among(record_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these records are drawings of prompted collection."""
    prompted = PromptedDrawing.objects.filter(record_id__in=record_ids)
    return set(prompted.values_list("record_id", flat=True))
