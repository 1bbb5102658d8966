"""Reading decisions: what reviewers agree on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from webui.database.statements import in_parts
from webui.review.models import Decision

CHUNK = 2000  # decisions that an iteration holds at once


@dataclass(frozen=True, kw_only=True)
class FinalDecision:
    """The label that the reviewers of a drawing agree on, with its decisions."""

    record_id: UUID
    recorded_at: datetime
    label: str  # "0".."9", "not_a_digit" or "rejected"
    decided_at: datetime  # the last of the decisions
    reviewers: Sequence[str]
    answer: str  # what the model said: "0".."9" or "not_a_digit"
    model_version: int  # the version that said it


def agreed_label(labels: Sequence[str]) -> str | None:
    """Returns the label of one reviewer, or of the majority of several; None without one.

    Two who differ have none, so that a third is asked. Three who all differ have none either.
    """
    ranked = Counter(labels).most_common(1)
    if not ranked:
        return None
    label, votes = ranked[0]
    return label if 2 * votes > len(labels) else None


def needs_third(decisions: Sequence[Decision]) -> bool:
    """Return whether two reviewers have decided on a drawing, and differ."""
    return len(decisions) == 2 and decisions[0].label != decisions[1].label


def final_label(record_id: UUID) -> str | None:
    """Returns what a drawing's reviewers agree on; None if nobody has decided, or they differ."""
    return agreed_label(
        [decision.label for decision in decisions_on([record_id]).get(record_id, ())]
    )


def decisions_on(record_ids: Iterable[UUID]) -> Mapping[UUID, Sequence[Decision]]:
    """Returns the decisions that count on each record that has some, oldest first."""
    found: dict[UUID, list[Decision]] = {}
    for some in in_parts(list(record_ids)):
        for decision in Decision.objects.filter(record_id__in=some, undone_at=None).order_by(
            "at", "id"
        ):
            found.setdefault(decision.record_id, []).append(decision)
    return found


def final_labels(record_ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Returns what reviewers agree on, for each of these records on which they do."""
    labels = {
        record_id: agreed_label([decision.label for decision in decisions])
        for record_id, decisions in decisions_on(record_ids).items()
    }
    return {record_id: label for record_id, label in labels.items() if label is not None}


def final_decisions(
    *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[FinalDecision]:
    """Yields what reviewers agree on, oldest record first; drawings without agreement are left out.

    The order follows from the records' ids, so it is the same in every run and every database.
    Memory does not grow with the number of decisions.

    Args:
        since, until: of the records' prediction; `until` is excluded.
    """
    rows = Decision.objects.filter(undone_at=None).order_by("recorded_at", "record_id", "at", "id")
    if since is not None:
        rows = rows.filter(recorded_at__gte=since)
    if until is not None:
        rows = rows.filter(recorded_at__lt=until)
    for record_id, decisions in groupby(
        rows.iterator(chunk_size=CHUNK), key=lambda decision: decision.record_id
    ):
        final = _final(record_id, list(decisions))
        if final is not None:
            yield final


def _final(record_id: UUID, decisions: Sequence[Decision]) -> FinalDecision | None:
    label = agreed_label([decision.label for decision in decisions])
    if label is None:
        return None
    last = decisions[-1]
    return FinalDecision(
        record_id=record_id,
        recorded_at=last.recorded_at,
        label=label,
        decided_at=last.at,
        reviewers=tuple(decision.reviewer for decision in decisions),
        answer=last.answer,
        model_version=last.model_version,
    )
