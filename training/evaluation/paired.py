"""Paired tests: is a challenger worse than a champion by more than chance explains?

Both have answered the same drawings, so what differs between drawings cancels out. Every p-value
is one-sided, of the hypothesis "the challenger is not worse".
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from training.evaluation.metrics import BINS

REPETITIONS = 2000  # of a bootstrap: the smallest p-value is 1 in 2,001
SEED = 60
# With fewer writers than this, resampling writers says little about other writers; drawings are
# resampled instead.
FEWEST_WRITERS = 20
CHUNK = 100  # repetitions at once, which bounds the memory

Weights = NDArray[np.float64]  # (repetitions, n): how often each drawing is in each resample


def mcnemar(champion: NDArray[np.bool_], challenger: NDArray[np.bool_]) -> float:
    """Return McNemar's exact p-value for right (n,) and wrong answers to the same drawings.

    Of the drawings that one of the two reads wrongly, each is the challenger's with probability
    one half if both are equally good (McNemar 1947; exact by the binomial distribution). Drawings
    are taken as independent; those of one writer are not quite, so p is somewhat too small for a
    collection by few writers, which errs on the side of blocking.
    """
    lost = int((champion & ~challenger).sum())
    won = int((challenger & ~champion).sum())
    if lost + won == 0:
        return 1.0
    return float(binomtest(lost, lost + won, 0.5, alternative="greater").pvalue)


def resamples(
    people: Sequence[str], count: int, *, rng: np.random.Generator, repetitions: int = REPETITIONS
) -> Weights:
    """Return the weights of bootstrap resamples, by writer where enough writers are known.

    Whole writers are drawn with replacement, since one writer's drawings resemble one another
    (a cluster bootstrap: Field and Welsh 2007).

    Args:
        people: who made each drawing; empty if unknown.
        count: number of drawings.
    """
    groups = np.arange(count)
    if len(set(people)) >= FEWEST_WRITERS:
        groups = np.unique(np.array(people), return_inverse=True)[1]
    kinds = int(groups.max()) + 1
    drawn = rng.multinomial(kinds, np.full(kinds, 1 / kinds), size=repetitions)
    return np.asarray(drawn[:, groups], np.float64)


def bootstrap(observed: float, differences: NDArray[np.float64]) -> float:
    """Return the bootstrap p-value of a difference whose positive values mean "worse".

    The differences of the resamples, moved so that their mean is zero, are those that chance
    alone would give (Davison and Hinkley 1997, section 4.4).
    """
    by_chance = differences - differences.mean()
    return float((1 + (by_chance >= observed - 1e-12).sum()) / (1 + len(differences)))


class Auroc:
    """The probability that a positive scores above a negative, ties half, for weighted scores.

    Args:
        positive: (n,) scores that should be high.
        negative: (m,) scores that should be low.
    """

    def __init__(self, positive: NDArray[np.float64], negative: NDArray[np.float64]) -> None:
        self._order = np.argsort(positive, kind="stable")
        ordered = positive[self._order]
        self._below = np.searchsorted(ordered, negative, side="left")
        self._not_above = np.searchsorted(ordered, negative, side="right")

    def __call__(self, positive: Weights, negative: Weights) -> NDArray[np.float64]:
        """Return the AUROC of each of the (repetitions, n) and (repetitions, m) weights."""
        values = []
        for start in range(0, len(positive), CHUNK):
            high, low = positive[start : start + CHUNK], negative[start : start + CHUNK]
            cumulated = np.pad(np.cumsum(high[:, self._order], axis=1), ((0, 0), (1, 0)))
            total = cumulated[:, -1:]
            above = total - cumulated[:, self._not_above]
            equal = cumulated[:, self._not_above] - cumulated[:, self._below]
            won = ((above + equal / 2) * low).sum(1)
            values.append(won / (total[:, 0] * low.sum(1)))
        return np.concatenate(values)


class CalibrationError:
    """The expected calibration error for weighted drawings, in bins of equal width.

    Args:
        confidence: (n,) 0..1.
        right: (n,) whether the answer was right.
    """

    def __init__(self, confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> None:
        bin_of = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
        self._gaps = np.zeros((len(confidence), BINS))
        self._gaps[np.arange(len(confidence)), bin_of] = right - confidence

    def __call__(self, weights: Weights) -> NDArray[np.float64]:
        return np.asarray(np.abs(weights @ self._gaps).sum(1) / weights.sum(1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979), in the same order.

    With a limit of 5 % for each, an equal challenger is blocked by any line in at most 5 % of the
    cases, however the lines depend on one another.
    """
    count = len(p_values)
    order = sorted(range(count), key=p_values.__getitem__)
    adjusted, largest = [0.0] * count, 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (count - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
