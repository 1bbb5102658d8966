"""Paired tests: known values, and no more false alarms than stated."""

import numpy as np
import pytest

from training.evaluation import metrics, paired
from training.evaluation.paired import Auroc, CalibrationError


def test_mcnemar_counts_only_drawings_that_one_of_the_two_reads() -> None:
    champion = np.array([True] * 100)
    challenger = champion.copy()
    challenger[:5] = False
    assert paired.mcnemar(champion, challenger) == pytest.approx(0.5**5)
    assert paired.mcnemar(challenger, champion) == 1.0
    assert paired.mcnemar(champion, champion) == 1.0


def test_the_areas_of_whole_samples_are_those_of_the_metrics() -> None:
    rng = np.random.default_rng(1)
    high, low = np.round(rng.normal(1, 1, 300), 1), np.round(rng.normal(0, 1, 200), 1)  # with ties
    once = Auroc(high, low)(np.ones((1, 300)), np.ones((1, 200)))
    assert once[0] == pytest.approx(metrics.auroc(high, low))
    twice = Auroc(high, low)(np.full((1, 300), 2.0), np.ones((1, 200)))
    assert twice[0] == pytest.approx(once[0])
    confidence, right = rng.random(300), rng.random(300) < 0.5
    error = CalibrationError(confidence, right)(np.ones((1, 300)))
    assert error[0] == pytest.approx(metrics.reliability(confidence, right).error)


def test_writers_are_resampled_whole_where_enough_are_known() -> None:
    rng = np.random.default_rng(2)
    people = [f"writer {number // 10}" for number in range(400)]
    weights = paired.resamples(people, 400, rng=rng, repetitions=50)
    assert (weights.sum(1) == 400).all()
    assert (weights.reshape(50, 40, 10) == weights.reshape(50, 40, 10)[..., :1]).all()
    few = paired.resamples(["one"] * 400, 400, rng=rng, repetitions=5)
    assert len(np.unique(few)) > 2


def test_the_bootstrap_of_equal_versions_blocks_about_as_often_as_stated() -> None:
    """At most 5 % of 400 comparisons; the limit is four standard errors above."""
    rng = np.random.default_rng(3)
    false_alarms = 0
    for _ in range(400):
        right = rng.random(400) < 0.9
        old, new = (np.clip(0.9 + rng.normal(0, 0.05, 400), 0, 1) for _ in range(2))
        weights = paired.resamples((), 400, rng=rng, repetitions=300)
        once = np.ones((1, 400))
        before, after = CalibrationError(old, right), CalibrationError(new, right)
        observed = float(after(once)[0] - before(once)[0])
        false_alarms += paired.bootstrap(observed, after(weights) - before(weights)) < 0.05
    assert false_alarms <= 400 * 0.05 + 4 * (400 * 0.05 * 0.95) ** 0.5


def test_the_bootstrap_finds_a_worse_version() -> None:
    rng = np.random.default_rng(4)
    right = rng.random(2000) < 0.9
    weights = paired.resamples((), 2000, rng=rng, repetitions=300)
    before = CalibrationError(np.full(2000, 0.9), right)(weights)
    after = CalibrationError(np.full(2000, 0.99), right)(weights)
    assert paired.bootstrap(0.08, after - before) < 0.01


def test_holm_corrects_for_the_number_of_tests() -> None:
    assert paired.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert paired.holm([0.5, 0.9]) == [1.0, 1.0]
    assert paired.holm([]) == []
