"""Calibration after training: a temperature, the bias of a rare class, and the thresholds.

Label smoothing makes a network underconfident, training without it overconfident. Dividing the
logits by one number, the temperature, corrects that and does not change the most probable class
(Guo et al., 2017). All is fitted on held-out writers; the temperature becomes part of the exported
graph.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from serving.verdict import NOT_A_DIGIT_CLASS

if TYPE_CHECKING:
    import keras

# Least probability whose logarithm is taken. Far below what any answer depends on, and low enough
# not to make equal the small probabilities of "not a digit" that the AUROC compares.
LEAST_PROBABILITY = 1e-30
# Targets of the thresholds; docs/training.md explains the trade-off.
MAX_REFUSED = 0.005  # of digits called "not a digit"
WANTED_RIGHT = 0.998  # of the digits that are predicted without "unsure"
MAX_UNSURE = 0.03  # of digits; more would ask visitors too often


@dataclass(frozen=True)
class ThresholdChoice:
    """Thresholds of the verdict, with what they lead to on the drawings they were chosen on."""

    digit_confidence: float
    not_a_digit: float
    refused_digits: float  # share of digits called "not a digit"
    unsure_digits: float  # share of digits answered "unsure"
    right_when_sure: float  # share of right ones among the digits predicted without "unsure"
    refused_negatives: float  # share of negatives called "not a digit"


def at_temperature(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Return softmax(log(p) / temperature), as the exported graph does; (n, classes) both ways."""
    floored = np.maximum(np.asarray(probabilities, np.float64), LEAST_PROBABILITY)
    logits = np.log(floored) / temperature
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature between 0.2 and 5 of least negative log likelihood.

    Raises:
        ValueError: there are no labels.
    """
    classes = np.asarray(labels, int)
    if not len(classes):
        raise ValueError("no validation drawings to fit the temperature on")

    def loss(log_temperature: float) -> float:
        scores = at_temperature(probabilities, float(np.exp(log_temperature)))
        of_label = scores[np.arange(len(classes)), classes]
        # 1e-12, so that one drawing with a hopeless answer does not decide the temperature.
        return float(-np.log(np.clip(of_label, 1e-12, 1)).mean())

    bounds = (np.log(0.2), np.log(5.0))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def correct_prior(model: "keras.Model", *, trained: float, expected: float) -> None:
    """Adapt a model to the share of negatives among visits, by the bias of that class.

    A network answers with the class shares it was trained on. Other shares multiply its odds, which
    adds a constant to one logit (Saerens, Latinne and Decaestecker, 2002). The AUROC does not
    change.

    Args:
        model: ends in a dense layer and a softmax over eleven classes; is changed.
        trained: share of negatives in the batches.
        expected: share of negatives among visits.

    Raises:
        ValueError: a share is not between 0 and 1.
    """
    if not (0 < trained < 1 and 0 < expected < 1):
        raise ValueError(f"shares lie between 0 and 1: trained {trained}, expected {expected}")
    odds = np.log(expected / (1 - expected)) - np.log(trained / (1 - trained))
    kernel, bias = model.layers[-2].get_weights()
    bias[NOT_A_DIGIT_CLASS] += odds
    model.layers[-2].set_weights([kernel, bias])


def choose_thresholds(
    digits: NDArray[np.float64], labels: NDArray[np.integer], negatives: NDArray[np.float64]
) -> ThresholdChoice:
    """Choose the thresholds of the verdict from calibrated probabilities.

    The threshold of "not a digit" is the lowest that refuses at most MAX_REFUSED of the digits, but
    at least one half, so that it is the most probable class. The threshold of a sure digit is the
    lowest at which WANTED_RIGHT of the sure digits are right, unless more than MAX_UNSURE of the
    digits would be unsure.

    Args:
        digits: (n, 11), probabilities of digits.
        labels: (n,), their classes.
        negatives: (m, 11), probabilities of negatives.
    """
    allowed = np.sort(digits[:, NOT_A_DIGIT_CLASS])[::-1]
    limit = float(allowed[int(MAX_REFUSED * len(allowed))])
    not_a_digit = float(np.clip(np.ceil((limit + 1e-6) * 200) / 200, 0.5, 0.99))
    refused = digits[:, NOT_A_DIGIT_CLASS] >= not_a_digit

    confidence = digits[:, :NOT_A_DIGIT_CLASS].max(1)
    right = digits[:, :NOT_A_DIGIT_CLASS].argmax(1) == labels
    chosen = 0.5
    for threshold in np.arange(0.5, 0.96, 0.01):
        sure = ~refused & (confidence >= threshold)
        if (~refused & ~sure).mean() > MAX_UNSURE:
            break
        chosen = float(round(threshold, 2))
        if sure.any() and right[sure].mean() >= WANTED_RIGHT:
            break
    return measure_thresholds(
        digits, labels, negatives, digit_confidence=chosen, not_a_digit=not_a_digit
    )


def measure_thresholds(
    digits: NDArray[np.float64],
    labels: NDArray[np.integer],
    negatives: NDArray[np.float64],
    *,
    digit_confidence: float,
    not_a_digit: float,
) -> ThresholdChoice:
    """Return given thresholds with what they lead to; the arrays as for `choose_thresholds`."""
    refused = digits[:, NOT_A_DIGIT_CLASS] >= not_a_digit
    confidence = digits[:, :NOT_A_DIGIT_CLASS].max(1)
    right = digits[:, :NOT_A_DIGIT_CLASS].argmax(1) == labels
    sure = ~refused & (confidence >= digit_confidence)
    return ThresholdChoice(
        digit_confidence=digit_confidence,
        not_a_digit=not_a_digit,
        refused_digits=float(refused.mean()),
        unsure_digits=float((~refused & ~sure).mean()),
        right_when_sure=float(right[sure].mean()) if sure.any() else 0.0,
        refused_negatives=float((negatives[:, NOT_A_DIGIT_CLASS] >= not_a_digit).mean()),
    )
