"""Probabilities become a verdict: a digit, an unsure digit, not a digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.verdict import DEFAULT_THRESHOLDS, Reading, Thresholds, read_verdict

LIMITS = Thresholds(digit_confidence=0.8, not_a_digit=0.6)


def answer(digit: int, probability: float, other: float | None = None) -> list[float]:
    rest = (1 - probability - (other or 0)) / 9
    scores = [rest] * 10
    scores[digit] = probability
    return scores if other is None else [*scores, other]


def test_a_likely_digit_is_a_digit() -> None:
    assert read_verdict(answer(7, 0.9), LIMITS) == Reading("digit", 7, 0.9)
    assert read_verdict(answer(7, 0.9, 0.05), LIMITS) == Reading("digit", 7, 0.9)


def test_an_unsure_digit_is_named() -> None:
    assert read_verdict(answer(3, 0.5, 0.3), LIMITS) == Reading("unsure", 3, 0.5)


def test_not_a_digit_names_no_digit() -> None:
    assert read_verdict(answer(3, 0.3, 0.6), LIMITS) == Reading("not_a_digit", None, 0.6)


def test_not_a_digit_needs_its_threshold() -> None:
    # "Not a digit" is the most likely class here, but below its threshold of 0.6.
    assert read_verdict(answer(3, 0.35, 0.55), LIMITS) == Reading("unsure", 3, 0.35)


@given(st.lists(st.floats(0, 1), min_size=10, max_size=11), st.floats(0, 1), st.floats(0, 1))
def test_there_is_always_one_verdict(scores: list[float], sure: float, refuse: float) -> None:
    reading = read_verdict(scores, Thresholds(digit_confidence=sure, not_a_digit=refuse))
    assert (reading.digit is None) == (reading.verdict == "not_a_digit")
    assert reading.confidence in scores
    if reading.digit is not None:
        assert scores[reading.digit] == max(scores[:10]) == reading.confidence


@pytest.mark.parametrize("scores", [[], [1.0] * 9, [0.1] * 12])
def test_other_numbers_of_classes_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="10 or 11"):
        read_verdict(scores, DEFAULT_THRESHOLDS)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        read_verdict([float("nan")] * 10, DEFAULT_THRESHOLDS)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_thresholds_are_probabilities(value: float) -> None:
    with pytest.raises(ValueError, match="digit_confidence"):
        Thresholds(digit_confidence=value, not_a_digit=0.5)
