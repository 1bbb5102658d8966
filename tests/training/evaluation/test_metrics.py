"""Metrics against values calculated by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation import metrics
from training.evaluation.metrics import Share


def test_wilsons_interval() -> None:
    # Newcombe (1998), table I: 81 of 263 and 0 of 20, without continuity correction.
    assert Share(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert Share(0, 20).interval == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert Share(20, 20).interval[1] == 1.0
    assert Share(0, 0).interval == (0.0, 1.0)


def test_calibration_error() -> None:
    found = metrics.reliability([0.9, 0.9, 0.9, 0.9, 0.55, 0.55], [1, 1, 1, 0, 1, 0])
    assert found.count == [2, 4]
    assert found.error == pytest.approx((4 * 0.15 + 2 * 0.05) / 6)
    assert metrics.reliability([1.0, 1.0], [True, True]).error == 0.0
    scores = np.tile([0.8, 0.2], (10, 1))  # always 0.8 confident, right 6 times of 10
    assert metrics.calibration_error(scores, [0] * 6 + [1] * 4) == pytest.approx(0.2)


def test_auroc_and_false_positive_rate() -> None:
    assert metrics.auroc([3, 4, 5], [0, 1, 2]) == 1.0
    assert metrics.auroc([0, 1], [0, 1]) == 0.5
    assert metrics.auroc([1, 3], [2]) == 0.5
    assert metrics.false_positive_rate([1, 2, 3, 4], [0, 0, 2, 9], true_rate=0.75) == 0.5


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
)
def test_auroc_is_the_share_of_pairs_in_order(high: list[int], low: list[int]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in high for b in low]
    assert metrics.auroc(high, low) == pytest.approx(np.mean(pairs))
