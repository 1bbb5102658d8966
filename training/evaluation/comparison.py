"""Compares a challenger with a champion on the frozen tests, line by line.

A line blocks if the challenger is significantly worse (paired tests at `SIGNIFICANCE`, corrected
for their number) or beyond a limit: slower, with fewer classes, or with other answers than the
network that it was exported from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from serving.versions.gate_verdict import GateLine
from training.evaluation import paired, timing
from training.evaluation.candidates import Candidate
from training.evaluation.frozen_tests import MNIST_TEST, FrozenTests
from training.evaluation.measurements import (
    MOST_DIFFERENCE,
    Probabilities,
    confidence_of,
    digit_score,
    predict_all,
)

SIGNIFICANCE = 0.05  # of all lines together
SLOWER_FACTOR = 1.5  # of CPU time: a core of the model server serves a third fewer visitors
RULE = (
    f"blocks what is worse at {SIGNIFICANCE:.0%}, one-sided, after Holm's correction over all "
    "lines with a p-value: exact McNemar test of accuracy; paired bootstrap of AUROC and "
    f"calibration error ({paired.REPETITIONS:,} resamples, seed {paired.SEED}; by writer from "
    f"{paired.FEWEST_WRITERS} writers on). It also blocks more than {SLOWER_FACTOR} times the "
    "champion's CPU time (median of paired rounds), fewer classes, and answers that differ from "
    "those of the network that the version was exported from"
)


@dataclass(frozen=True)
class Answers:
    """A version's answers to one sample."""

    probabilities: Probabilities
    predicted: NDArray[np.int64]  # 10 for "not a digit"
    confidence: NDArray[np.float64]

    @classmethod
    def of(cls, candidate: Candidate, instances: NDArray[np.float32]) -> "Answers":
        probabilities = candidate.served(instances)
        predicted = predict_all(probabilities, candidate.card.thresholds)
        return cls(probabilities, predicted, confidence_of(probabilities, predicted))


def compare(champion: Candidate, challenger: Candidate, tests: FrozenTests) -> list[GateLine]:
    """Return all lines but those of speed, with corrected p-values and decided."""
    old, new = (
        {
            name: Answers.of(candidate, sample.instances)
            for name, sample in {**tests.digits, **tests.negatives}.items()
        }
        for candidate in (champion, challenger)
    )
    tested = [
        *(_accuracy(tests, name, old[name], new[name]) for name in tests.digits),
        *(_calibration(tests, name, old[name], new[name]) for name in tests.calibration),
        *(_auroc(tests, name, old, new) for name in tests.negatives if tests.clean),
    ]
    return [*_corrected(tested), *_limits(champion, challenger, tests, new)]


def compare_speed(champion: Path, challenger: Path) -> list[GateLine]:
    """Return a line for each batch size; measured in a process of its own, in turns."""
    old, new = timing.rounds_of([champion, challenger])
    lines = []
    for batch, times in old.items():
        ratio = median(after / before for before, after in zip(times, new[batch], strict=True))
        lines.append(
            GateLine(
                test=f"speed, {batch}",
                measure="CPU ms",
                drawings=len(times),
                writers=None,
                champion=median(times),
                challenger=median(times) * ratio,
                p=None,
                adjusted_p=None,
                blocks=ratio > SLOWER_FACTOR,
            )
        )
    return lines


def _accuracy(tests: FrozenTests, name: str, old: Answers, new: Answers) -> GateLine:
    sample = tests.digits[name]
    before, after = (answers.predicted == sample.labels for answers in (old, new))
    return _line(
        name,
        "accuracy",
        people=sample.people,
        values=(float(before.mean()), float(after.mean())),
        count=len(sample),
        p=paired.mcnemar(before, after),
    )


def _calibration(tests: FrozenTests, name: str, old: Answers, new: Answers) -> GateLine:
    sample = tests.digits[name]
    weights = paired.resamples(sample.people, len(sample), rng=_rng())
    errors = []
    for answers in (old, new):
        error = paired.CalibrationError(answers.confidence, answers.predicted == sample.labels)
        errors.append((float(error(np.ones((1, len(sample))))[0]), error(weights)))
    (before, before_resampled), (after, after_resampled) = errors
    return _line(
        name,
        "calibration error",
        people=sample.people,
        values=(before, after),
        count=len(sample),
        p=paired.bootstrap(after - before, after_resampled - before_resampled),
    )


def _auroc(
    tests: FrozenTests, name: str, old: dict[str, Answers], new: dict[str, Answers]
) -> GateLine:
    """Compare how well digits and one kind of negatives are told apart."""
    sample, rng = tests.negatives[name], _rng()
    people = [person for digits in tests.clean for person in tests.digits[digits].people]
    digit_weights = paired.resamples(people, len(people), rng=rng)
    weights = paired.resamples(sample.people, len(sample), rng=rng)
    areas = []
    for answers in (old, new):
        digits = np.concatenate([digit_score(answers[one].probabilities) for one in tests.clean])
        area = paired.Auroc(digits, digit_score(answers[name].probabilities))
        once = area(np.ones((1, len(digits))), np.ones((1, len(sample))))
        areas.append((float(once[0]), area(digit_weights, weights)))
    (before, before_resampled), (after, after_resampled) = areas
    return _line(
        name,
        "AUROC",
        people=sample.people,
        values=(before, after),
        count=len(sample),
        p=paired.bootstrap(before - after, before_resampled - after_resampled),
    )


def _limits(
    champion: Candidate, challenger: Candidate, tests: FrozenTests, new: dict[str, Answers]
) -> list[GateLine]:
    """Compare classes, and the challenger with the network it was exported from if that is here."""
    classes = (champion.card.classes, challenger.card.classes)
    lines = [_limit("the network", "classes", classes, blocks=classes[1] < classes[0])]
    if challenger.source is not None:
        sample = tests.digits[MNIST_TEST]
        expected = challenger.source(sample.instances)
        found = new[MNIST_TEST].probabilities
        difference = float(np.abs(expected - found).max())
        differs = difference > MOST_DIFFERENCE or bool(
            (expected.argmax(1) != found.argmax(1)).any()
        )
        lines.append(
            _limit(MNIST_TEST, "difference from its source", (0, difference), blocks=differs)
        )
    return lines


def _limit(test: str, measure: str, values: tuple[float, float], *, blocks: bool) -> GateLine:
    line = _line(test, measure, people=(), values=values, count=0, p=None)
    return replace(line, blocks=blocks)


def _line(
    test: str,
    measure: str,
    *,
    people: Sequence[str],
    values: tuple[float, float],
    count: int,
    p: float | None,
) -> GateLine:
    return GateLine(
        test=test,
        measure=measure,
        drawings=count,
        writers=len(set(people)) or None,
        champion=values[0],
        challenger=values[1],
        p=p,
        adjusted_p=None,
        blocks=False,
    )


def _corrected(lines: list[GateLine]) -> list[GateLine]:
    adjusted = paired.holm([line.p for line in lines if line.p is not None])
    return [
        replace(line, adjusted_p=p, blocks=p < SIGNIFICANCE)
        for line, p in zip(lines, adjusted, strict=True)
    ]


def _rng() -> np.random.Generator:
    return np.random.default_rng(paired.SEED)
