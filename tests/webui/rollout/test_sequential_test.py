"""The sequential test: exact factors, and no more false alarms than stated."""

import itertools
import math

import numpy as np
import pytest

from benchmarks.canary_simulation import simulate
from webui.rollout.sequential_test import ALPHA, Evidence


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.9])
@pytest.mark.parametrize("before", [(0, 0), (500, 3), (500, 200)])
def test_a_factor_has_an_expectation_of_at_most_one(share: float, before: tuple[int, int]) -> None:
    """All outcomes of a block of four and two drawings, weighted by their probability."""
    expectation = 0.0
    for stable, canary in itertools.product(range(5), range(3)):
        evidence = Evidence()
        evidence.drawings, evidence.corrected = (np.array(count) for count in before)
        evidence.add(stable=4, stable_corrected=stable, canary=2, canary_corrected=canary)
        likelihood = math.comb(4, stable) * share**stable * (1 - share) ** (4 - stable)
        likelihood *= math.comb(2, canary) * share**canary * (1 - share) ** (2 - canary)
        expectation += likelihood * math.exp(evidence.log_e)
    assert expectation <= 1 + 1e-9


def test_equal_canaries_are_rolled_back_in_at_most_5_percent() -> None:
    """10,000 canaries, looked at after each of 150 blocks; 1.7 and 3.1 % were seen."""
    for share in (0.1, 0.5):
        found = simulate(stable=0.02, canary=0.02, share=share, visitors=15_000)
        assert len(found.rolled_back) == 10_000
        assert found.rolled_back.mean() <= ALPHA


def test_a_better_canary_gives_no_evidence() -> None:
    found = simulate(stable=0.05, canary=0.02, share=0.5, visitors=5_000, canaries=1000)
    assert found.rolled_back.mean() < 0.005


def test_a_canary_that_is_three_points_worse_is_found() -> None:
    """2,400 visitors for half, and 5,400 for nine tenths were seen."""
    found = simulate(stable=0.02, canary=0.05, share=0.1, visitors=10_000, canaries=1000)
    assert found.visitors_until(0.5) < 4000
    assert found.visitors_until(0.9) < 8000
