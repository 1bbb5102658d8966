"""How a version does with visitors: read from its latest records, for the page of versions."""

from dataclasses import dataclass
from statistics import fmean, median

from webui.records.store import Filters, StoreError, store

SAMPLE = 1000  # the latest predictions: enough to compare versions, few enough to read
PAGE = 250


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Of a version's latest predictions; None where there are none (or the store is away)."""

    predictions: int = 0
    more: bool = False  # there are more than were looked at
    mean_confidence: float | None = None
    corrected: float | None = None  # share, 0..1
    median_latency_ms: float | None = None
    away: bool = False  # the record store does not answer

    @property
    def mean_confidence_percent(self) -> float | None:
        return None if self.mean_confidence is None else self.mean_confidence * 100

    @property
    def corrected_percent(self) -> float | None:
        return None if self.corrected is None else self.corrected * 100


def statistics_of(version: int, *, sample: int = SAMPLE) -> Statistics:
    """Statistics of a version's latest `sample` records."""
    confidences: list[float] = []
    latencies: list[float] = []
    corrected = 0
    cursor, more = None, False
    try:
        while len(confidences) < sample:
            page = store().page(
                Filters(model_version=version),
                size=min(PAGE, sample - len(confidences)),
                older_than=cursor,
            )
            for record in page.records:
                confidences.append(record.confidence)
                latencies.append(record.latency_ms)
                corrected += bool(record.corrected_label)
            cursor = page.older_than
            if cursor is None:
                break
        more = cursor is not None
    except StoreError:
        return Statistics(away=True)
    if not confidences:
        return Statistics()
    return Statistics(
        predictions=len(confidences),
        more=more,
        mean_confidence=fmean(confidences),
        corrected=corrected / len(confidences),
        median_latency_ms=median(latencies),
    )
