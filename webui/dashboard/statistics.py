"""Statistics of the latest records, for the dashboard and the metrics.

They are computed from the latest WINDOW records, whatever the store holds, and kept for
KEPT_SECONDS in each process.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice

import numpy as np

from serving.input_statistics import (
    LARGE,
    LEAST_SEEN,
    MODERATE,
    SIDE,
    ink_features,
    instance_features,
    reference,
)
from serving.intervals import wilson_interval
from webui.records.models import LABELS, Record, Verdict
from webui.records.selectors import predicted_label
from webui.records.store import Filters, store
from webui.review.models import REJECTED
from webui.review.selectors import final_labels

WINDOW = 5000  # records, read without pictures
INK_WINDOW = 300  # of them, those whose ink is read as well, which comes with the picture
CHUNK = 500
KEPT_SECONDS = 300.0
CONFIDENCE_BINS = 10


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share of a number in percent, with Wilson's score interval of 95 %."""

    count: int
    of: int

    @property
    def percent(self) -> float:
        return 100 * self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The interval in percent; all of it without anything seen."""
        low, high = wilson_interval(self.count, self.of)
        return 100 * low, 100 * high

    @property
    def low(self) -> float:
        return self.interval[0]

    @property
    def high(self) -> float:
        return self.interval[1]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Counts of some of the records."""

    readings: int = 0
    corrected: int = 0  # to another label than the prediction
    unsure: int = 0
    reviewed: int = 0  # with a label that reviewers agree on, but for rejected ones
    right: int = 0  # of the reviewed, those that were predicted so

    @property
    def corrected_share(self) -> Share:
        return Share(count=self.corrected, of=self.readings)

    @property
    def unsure_share(self) -> Share:
        return Share(count=self.unsure, of=self.readings)

    @property
    def right_share(self) -> Share:
        return Share(count=self.right, of=self.reviewed)


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The population stability index of a feature; None with too few drawings."""

    feature: str
    psi: float | None
    seen: int

    @property
    def grade(self) -> str:
        if self.psi is None:
            return "too few drawings"
        if self.psi < MODERATE:
            return "none"
        return "moderate" if self.psi < LARGE else "large"


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """The statistics that the dashboard shows."""

    made_at: datetime
    complete: bool  # the window holds all records
    since: datetime | None  # the oldest prediction in the window
    total: Counts
    days: Mapping[date, Counts]  # oldest first, without gaps
    versions: Mapping[int, Counts]  # newest first
    confidence: Sequence[int]  # in CONFIDENCE_BINS equal bins from 0 to 1
    confusion: Mapping[tuple[str, str], int]  # of (true label, predicted label)
    drift: Sequence[Drift]


class _Tally:
    """Counts records one by one."""

    def __init__(self) -> None:
        self.numbers: Counter[tuple[str, object, str]] = Counter()
        self.confidence = [0] * CONFIDENCE_BINS
        self.confusion: Counter[tuple[str, str]] = Counter()
        self.instances: list[bytes] = []
        self.since: datetime | None = None

    def add(self, record: Record, final: str | None) -> None:
        predicted = predicted_label(record)
        corrected = record.corrected_label not in ("", predicted)
        reviewed = final not in (None, REJECTED)
        facts = {
            "readings": True,
            "corrected": corrected,
            "unsure": record.verdict == Verdict.UNSURE,
            "reviewed": reviewed,
            "right": reviewed and final == predicted,
        }
        keys = (
            ("total", None),
            ("day", record.predicted_at.astimezone(UTC).date()),
            ("version", record.model_version),
        )
        for name in (name for name, fact in facts.items() if fact):
            for kind, key in keys:
                self.numbers[kind, key, name] += 1
        place = min(int(record.confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)
        self.confidence[max(place, 0)] += 1
        truth = final if reviewed else record.corrected_label
        if truth and final != REJECTED:
            self.confusion[truth, predicted] += 1
        if len(record.instance) == SIDE * SIDE:
            self.instances.append(bytes(record.instance))
        self.since = record.predicted_at

    def counts(self, kind: str, key: object = None) -> Counts:
        names = ("readings", "corrected", "unsure", "reviewed", "right")
        return Counts(**{name: self.numbers[kind, key, name] for name in names})

    def keys(self, kind: str) -> list[object]:
        return [key for found, key, name in self.numbers if (found, name) == (kind, "readings")]


def compute() -> Statistics:
    """Reads the window and returns its statistics.

    Raises:
        StoreUnavailable
    """
    tally, more = _Tally(), False
    read = 0
    records = store().scan(Filters(), pictures=False)
    while chunk := list(islice(records, min(CHUNK, WINDOW + 1 - read))):
        if read + len(chunk) > WINDOW:
            chunk, more = chunk[:-1], True
        read += len(chunk)
        finals = final_labels(record.id for record in chunk)
        for record in chunk:
            tally.add(record, finals.get(record.id))
        if more:
            break
    versions = sorted((int(str(key)) for key in tally.keys("version")), reverse=True)
    return Statistics(
        made_at=datetime.now(UTC),
        complete=not more,
        since=tally.since,
        total=tally.counts("total"),
        days={day: tally.counts("day", day) for day in _days(tally)},
        versions={version: tally.counts("version", version) for version in versions},
        confidence=tuple(tally.confidence),
        confusion=dict(tally.confusion),
        drift=_drift(tally.instances, _latest_inks()),
    )


def _days(tally: _Tally) -> Iterator[date]:
    """Yields the days from the first to the last record."""
    found = [key for key in tally.keys("day") if isinstance(key, date)]
    if found:
        for number in range(min(found).toordinal(), max(found).toordinal() + 1):
            yield date.fromordinal(number)


def _latest_inks() -> list[object]:
    latest = islice(store().scan(Filters(), pictures=True), INK_WINDOW)
    return [record.ink for record in latest if record.ink]


def _drift(instances: Sequence[bytes], inks: Sequence[object]) -> Sequence[Drift]:
    pixels = np.frombuffer(b"".join(instances), np.uint8).reshape(-1, SIDE, SIDE)
    features = {**instance_features(pixels), **ink_features(inks)}
    return tuple(
        Drift(
            feature=name,
            psi=reference()[name].psi(values) if len(values) >= LEAST_SEEN else None,
            seen=len(values),
        )
        for name, values in features.items()
    )


def labels_seen(confusion: Mapping[tuple[str, str], int]) -> list[str]:
    """Returns the labels of a confusion matrix, in their order."""
    return [label for label in LABELS if any(label in pair for pair in confusion)]


class _Kept:
    """The statistics of a process; one thread computes, the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statistics: Statistics | None = None
        self._at = 0.0

    def get(self) -> Statistics:
        with self._lock:
            if self._statistics is None or time.monotonic() - self._at > KEPT_SECONDS:
                self._statistics = compute()
                self._at = time.monotonic()
            return self._statistics

    def clear(self) -> None:
        with self._lock:
            self._statistics = None


latest = _Kept()
