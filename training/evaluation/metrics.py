"""Metrics of an evaluation, each from its definition."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.intervals import wilson_interval

BINS = 15  # of the reliability diagram; Guo et al. (2017) use 15


@dataclass(frozen=True)
class Share:
    """A number of cases out of all, with the 95 % confidence interval of the share."""

    count: int
    of: int

    @property
    def value(self) -> float:
        return self.count / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval."""
        return wilson_interval(self.count, self.of)

    def as_dict(self) -> dict[str, float | int | list[float]]:
        return {
            "value": round(self.value, 6),
            "count": self.count,
            "of": self.of,
            "interval_95": [round(end, 6) for end in self.interval],
        }


@dataclass(frozen=True)
class Reliability:
    """Mean confidence and accuracy by bin of confidence, without empty bins."""

    confidence: list[float]
    accuracy: list[float]
    count: list[int]

    @property
    def error(self) -> float:
        """Expected calibration error: mean |accuracy - confidence|, weighted by count."""
        total = sum(self.count)
        gaps = zip(self.confidence, self.accuracy, self.count, strict=True)
        return sum(abs(a - c) * n for c, a, n in gaps) / total if total else float("nan")


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> Reliability:
    """Sort predictions into bins of equal width; `confidence` (n,) in 0..1, `right` (n,) bool."""
    values, correct = np.asarray(confidence, np.float64), np.asarray(right, bool)
    bin_of = np.clip((values * bins).astype(int), 0, bins - 1)
    used = np.unique(bin_of)
    return Reliability(
        confidence=[float(values[bin_of == index].mean()) for index in used],
        accuracy=[float(correct[bin_of == index].mean()) for index in used],
        count=[int((bin_of == index).sum()) for index in used],
    )


def calibration_error(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the expected calibration error of the most probable class of (n, classes)."""
    scores = np.asarray(probabilities, np.float64)
    return reliability(scores.max(1), scores.argmax(1) == np.asarray(labels)).error


def roc(positive: ArrayLike, negative: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Return false and true positive rates at every threshold, from (0, 0) to (1, 1).

    Args:
        positive: (n,) scores that should be high.
        negative: (m,) scores that should be low.
    """
    high, low = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    scores = np.concatenate([high, low])
    is_high = np.concatenate([np.ones(len(high)), np.zeros(len(low))])
    order = np.argsort(-scores, kind="stable")
    # Equal scores pass the threshold together.
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    true = np.cumsum(is_high[order])[last] / len(high)
    false = np.cumsum(1 - is_high[order])[last] / len(low)
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])


def auroc(positive: ArrayLike, negative: ArrayLike) -> float:
    """Return the probability that a positive scores above a negative; ties count half."""
    false, true = roc(positive, negative)
    return float(np.trapezoid(true, false))


def false_positive_rate(positive: ArrayLike, negative: ArrayLike, *, true_rate: float) -> float:
    """Return the share of negatives that reach the threshold `true_rate` of positives reach."""
    high = np.sort(np.asarray(positive, np.float64))
    threshold = high[int(np.floor((1 - true_rate) * len(high)))]
    return float((np.asarray(negative) >= threshold).mean())


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, *, columns: int) -> NDArray[np.int64]:
    """Return how often each digit (row) was predicted as each class (column): (10, columns)."""
    counts = np.zeros((10, columns), np.int64)
    np.add.at(counts, (np.asarray(labels, int), np.asarray(predicted, int)), 1)
    return counts
