"""The order in which drawings are reviewed, and who reviews which.

The queue looks at a window, the latest drawings of the store (or those before an instant). In it,
drawings that two reviewers see differently come first, then those that are likely to be labelled
wrongly, then the others in a random order that is the same for all reviewers.

How likely a label is wrong is told by the model itself: its probability of that label, "self-
confidence" in C. G. Northcutt, L. Jiang, I. L. Chuang, "Confident Learning: Estimating Uncertainty
in Dataset Labels", JAIR 70 (2021). The label is the visitor's correction, else the prediction.
"""

import hashlib
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from uuid import UUID

from django.db import transaction

from serving.verdict import NOT_A_DIGIT, NOT_A_DIGIT_CLASS
from webui.leases import Lease
from webui.records.models import Record, Verdict
from webui.records.selectors import predicted_label
from webui.records.store import Filters, RecordNotFound, store
from webui.review.models import Decision, Dispute, ReviewLease
from webui.review.selectors import decisions_on, needs_third
from webui.rollout.selectors import disagreeing

WINDOW = 2000  # drawings; read without pictures, and ranked once in RANKING_SECONDS
RANKING_SECONDS = 60.0
RANKINGS_KEPT = 4  # in a process: the latest window, and a few that began earlier
LOW_CONFIDENCE = 0.9  # below it the page calls an answer "likely", no longer "very likely"
# Every tenth drawing, by a hash of its id, is shown to a second reviewer, so that it is known
# how often reviewers differ.
SECOND_OPINION_EVERY = 10
LEASE = timedelta(minutes=5)  # for a batch of drawings, which takes a minute or two
CHUNK = 100  # drawings for which decisions are read at once
DISPUTES_READ = 200


class Reason(StrEnum):
    """Why a drawing is shown."""

    DISPUTED = "Two reviewers differ"
    DISAGREEING = "The shadow version reads it differently"
    CORRECTED = "Corrected by the visitor"
    UNSURE = "The model was unsure"
    LOW_CONFIDENCE = "Low confidence"
    SAMPLE = "Random sample"
    SECOND_OPINION = "Second opinion"
    CHOSEN = "Chosen by you"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A drawing in the order of the queue."""

    record_id: UUID
    reason: Reason
    order: tuple[int, float]  # flagged before sampled; then by self-confidence, or by a hash


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """A window of drawings in the order of the queue."""

    candidates: Sequence[Candidate]
    oldest: datetime | None  # where an earlier window begins; None if there is nothing older


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """A drawing that is leased to a reviewer."""

    record: Record
    reason: Reason


def proposed_label(record: Record) -> str:
    """Returns the label that accepting confirms: the visitor's correction, else the prediction."""
    return record.corrected_label or predicted_label(record)


def self_confidence(record: Record) -> float:
    """Returns the model's probability of the proposed label, 0 to 1."""
    label = proposed_label(record)
    if label == predicted_label(record):
        return record.confidence
    place = NOT_A_DIGIT_CLASS if label == NOT_A_DIGIT else int(label)
    return record.probabilities[place] if place < len(record.probabilities) else 0.0


def rank(records: Sequence[Record]) -> list[Candidate]:
    """Returns the drawings in the order in which they should be reviewed."""
    read_otherwise = disagreeing([record.id for record in records])
    return sorted(
        (_candidate(record, read_otherwise) for record in records), key=lambda one: one.order
    )


def _candidate(record: Record, read_otherwise: Collection[UUID]) -> Candidate:
    if record.corrected_label and record.corrected_label != predicted_label(record):
        reason = Reason.CORRECTED
    elif record.id in read_otherwise:
        reason = Reason.DISAGREEING
    elif record.verdict == Verdict.UNSURE:
        reason = Reason.UNSURE
    elif record.confidence < LOW_CONFIDENCE:
        reason = Reason.LOW_CONFIDENCE
    else:
        return Candidate(
            record_id=record.id, reason=Reason.SAMPLE, order=(1, _hash(record.id) / 2**64)
        )
    return Candidate(record_id=record.id, reason=reason, order=(0, self_confidence(record)))


def _hash(record_id: UUID) -> int:
    """Returns 64 bits that depend on nothing but the id."""
    return int.from_bytes(hashlib.sha256(record_id.bytes).digest()[:8], "big")


def wants_second_opinion(record_id: UUID) -> bool:
    """Return whether a drawing is shown to a second reviewer."""
    return _hash(record_id) % SECOND_OPINION_EVERY == 0


class _Rankings:
    """The rankings of a process, each kept for a minute; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[datetime | None, tuple[float, Ranking]] = {}

    def get(self, before: datetime | None) -> Ranking:
        with self._lock:
            made_at, ranking = self._kept.get(before, (0.0, None))
            if ranking is not None and time.monotonic() - made_at < RANKING_SECONDS:
                return ranking
        ranking = _rank_window(before)
        with self._lock:
            self._kept.pop(before, None)
            self._kept[before] = time.monotonic(), ranking
            while len(self._kept) > RANKINGS_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return ranking

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


rankings = _Rankings()


def _rank_window(before: datetime | None) -> Ranking:
    found = list(islice(store().scan(Filters(until=before), pictures=False), WINDOW + 1))
    window = found[:WINDOW]
    more = len(found) > WINDOW
    return Ranking(
        candidates=rank(window), oldest=window[-1].predicted_at if window and more else None
    )


def assign(reviewer: str, count: int, *, before: datetime | None = None) -> list[Assigned]:
    """Leases the next drawings to a reviewer and returns them, with pictures and ink.

    Drawings that the reviewer holds already are returned again, so that a page can be loaded anew.
    Those that others hold are left out. The cost is that of the window, at most once a minute,
    and of reading the drawings that are returned.

    Args:
        before: the window begins before this instant; None: with the latest drawing.

    Raises:
        StoreUnavailable
    """
    candidates = rankings.get(before).candidates  # before a transaction makes writers wait
    with transaction.atomic():  # one commit for all leases
        ReviewLease.objects.filter(until__lt=datetime.now(UTC)).delete()
        leased: list[tuple[UUID, Reason]] = []
        for record_id, reason in _open_to(reviewer, candidates):
            if len(leased) == count:
                break
            if _lease(record_id, reviewer).acquire():
                leased.append((record_id, reason))
    return _read(leased)


def assign_chosen(reviewer: str, record_ids: Sequence[UUID]) -> list[Assigned]:
    """Leases these drawings to a reviewer, but for those that they have decided on.

    Another's lease does not matter: the reviewer has chosen them.

    Raises:
        StoreUnavailable
    """
    decided = decisions_on(record_ids)
    chosen = [one for one in record_ids if not _decided_by(reviewer, decided, one)]
    with transaction.atomic():
        for record_id in chosen:
            _lease(record_id, reviewer).acquire()
    return _read([(record_id, Reason.CHOSEN) for record_id in chosen])


def _read(leased: Sequence[tuple[UUID, Reason]]) -> list[Assigned]:
    assigned = []
    for record_id, reason in leased:
        try:
            assigned.append(Assigned(record=store().get(record_id), reason=reason))
        except RecordNotFound:  # deleted since the ranking
            Dispute.objects.filter(pk=record_id).delete()
            ReviewLease.objects.filter(pk=record_id).delete()
    return assigned


def earlier(before: datetime | None) -> datetime | None:
    """Returns where the next earlier window begins; None if there is none.

    Raises:
        StoreUnavailable
    """
    return rankings.get(before).oldest


def _lease(record_id: UUID, reviewer: str) -> Lease:
    return Lease(ReviewLease, str(record_id), duration=LEASE, token=reviewer)


def _open_to(reviewer: str, candidates: Sequence[Candidate]) -> Iterator[tuple[UUID, Reason]]:
    """Yields the drawings that the reviewer may decide on, in the order of the queue."""
    disputed = list(Dispute.objects.values_list("pk", flat=True)[:DISPUTES_READ])
    decided = decisions_on(disputed)
    for record_id in disputed:
        if not _decided_by(reviewer, decided, record_id):
            yield record_id, Reason.DISPUTED
    seen = set(disputed)
    left = iter(candidates)
    while chunk := list(islice(left, CHUNK)):
        decided = decisions_on([one.record_id for one in chunk])
        for one in chunk:
            if one.record_id in seen or _decided_by(reviewer, decided, one.record_id):
                continue
            reason = _reason_now(one, decided.get(one.record_id, ()))
            if reason is not None:
                yield one.record_id, reason


def _decided_by(reviewer: str, decided: Mapping[UUID, Sequence[Decision]], record_id: UUID) -> bool:
    return any(decision.reviewer == reviewer for decision in decided.get(record_id, ()))


def _reason_now(candidate: Candidate, decisions: Sequence[Decision]) -> Reason | None:
    """Returns why a drawing with these decisions of others is shown; None if it is not."""
    if not decisions:
        return candidate.reason
    if needs_third(decisions):
        return Reason.DISPUTED
    if len(decisions) == 1 and wants_second_opinion(candidate.record_id):
        return Reason.SECOND_OPINION
    return None
