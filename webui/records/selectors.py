"""What is read from records as a whole, without a store having to count them all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from statistics import fmean, median

from serving.verdict import NOT_A_DIGIT
from webui.records.models import Record
from webui.records.store import Filters, store

SAMPLE = 1000  # the latest records of a version: a share of 5 % is known to about 1.4 points


@dataclass(frozen=True, kw_only=True)
class VersionStatistics:
    """How a model version has been doing lately; numbers are None where nothing was seen."""

    version: int
    seen: int  # records looked at: all of the version's, or the sample's size
    complete: bool  # whether there are no older ones
    mean_confidence: float | None
    corrected: int  # of those seen
    wrong: int  # of those seen, corrected to something else than what was said
    median_latency_ms: float | None
    newest: datetime | None
    oldest: datetime | None  # of those seen

    @property
    def share_corrected(self) -> float | None:
        return self.corrected / self.seen if self.seen else None

    @property
    def share_wrong(self) -> float | None:
        return self.wrong / self.seen if self.seen else None


def predicted_label(record: Record) -> str:
    """What the site said, as a correction would put it: "0".."9" or "not_a_digit"."""
    return NOT_A_DIGIT if record.digit is None else str(record.digit)


def version_statistics(version: int, sample: int = SAMPLE) -> VersionStatistics:
    """Statistics of the latest `sample` records that the version answered.

    Raises:
        StoreUnavailable
    """
    newest_first = store().scan(Filters(model_version=version), pictures=False)
    return _statistics(version, list(islice(newest_first, sample + 1)), sample)


def _statistics(version: int, found: list[Record], sample: int) -> VersionStatistics:
    seen = found[:sample]
    return VersionStatistics(
        version=version,
        seen=len(seen),
        complete=len(found) <= sample,
        mean_confidence=_of(fmean, (record.confidence for record in seen)),
        corrected=sum(bool(record.corrected_label) for record in seen),
        wrong=sum(
            bool(record.corrected_label) and record.corrected_label != predicted_label(record)
            for record in seen
        ),
        median_latency_ms=_of(median, (record.latency_ms for record in seen)),
        newest=seen[0].predicted_at if seen else None,
        oldest=seen[-1].predicted_at if seen else None,
    )


def _of(statistic: Callable[[list[float]], float], values: Iterable[float]) -> float | None:
    known = list(values)
    return statistic(known) if known else None
