"""Turns probabilities into a verdict: a digit, an unsure digit, or not a digit.

A network always has a most likely class. Thresholds decide whether it is certain enough; each
model version has its own on its card, chosen on writers whom the training did not see.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

DIGITS = 10
NOT_A_DIGIT_CLASS = 10  # the class after the digits, in versions that have one
NOT_A_DIGIT: Final = "not_a_digit"  # the verdict, and the label of a correction

Verdict = Literal["digit", "unsure", "not_a_digit"]


@dataclass(frozen=True)
class Thresholds:
    """The limits of the verdicts; both are calibrated probabilities, 0 to 1.

    Raises:
        ValueError: one of them is not a probability.
    """

    digit_confidence: float  # from this on, a digit is sure
    not_a_digit: float  # from this on, the drawing is not a digit

    def __post_init__(self) -> None:
        for name in ("digit_confidence", "not_a_digit"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise ValueError(f"{name} must be a probability between 0 and 1, not {value!r}")


# For a version without a card. One half: the verdict is likelier than all others together.
DEFAULT_THRESHOLDS = Thresholds(digit_confidence=0.5, not_a_digit=0.5)


@dataclass(frozen=True)
class Reading:
    """The verdict on one drawing."""

    verdict: Verdict
    digit: int | None  # the most likely of 0..9, also if unsure; None if not a digit
    confidence: float  # the probability of the verdict, 0 to 1


def read_verdict(probabilities: Sequence[float], thresholds: Thresholds) -> Reading:
    """Returns the verdict on one instance.

    Args:
        probabilities: (10,) digits, or (11,) digits and then "not a digit".
        thresholds: of the version that answered.

    Raises:
        ValueError: there are neither 10 nor 11 probabilities, or one is not finite.
    """
    scores = [float(value) for value in probabilities]
    if len(scores) not in (DIGITS, DIGITS + 1):
        raise ValueError(
            f"a model version answers with 10 or 11 probabilities, this one with {len(scores)}"
        )
    if not all(math.isfinite(score) for score in scores):
        raise ValueError(f"a probability must be a finite number; the model answered {scores}")
    if len(scores) > DIGITS and scores[NOT_A_DIGIT_CLASS] >= thresholds.not_a_digit:
        return Reading(verdict=NOT_A_DIGIT, digit=None, confidence=scores[NOT_A_DIGIT_CLASS])
    digit = max(range(DIGITS), key=scores.__getitem__)
    sure = scores[digit] >= thresholds.digit_confidence
    return Reading(verdict="digit" if sure else "unsure", digit=digit, confidence=scores[digit])
