"""Makes a score into a confidence, and chooses where a verdict turns.

A network trained with label smoothing understates and one without overstates. One number, the
temperature, divides the logits and puts that right without changing any answer (Guo et al., 2017).
It is fitted on people whom no training saw, and goes into the exported graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from serving.verdict import NOT_A_DIGIT_CLASS

BINS = 15  # of the reliability diagram; Guo et al. use 15
# What the thresholds are chosen for; docs/training.md states the trade.
MAX_REFUSED = 0.006  # of validation digits called "not a digit"; promised is at most 1 %
WANTED_RIGHT = 0.998  # of the digits that are said without "unsure"
MAX_UNSURE = 0.03  # of digits: beyond this a visitor is asked too often


@dataclass(frozen=True)
class Choice:
    """Thresholds, and what they cost on the drawings they were chosen on."""

    digit_confidence: float
    not_a_digit: float
    refused_digits: float  # share of digits called no digit
    unsure_digits: float  # share of digits answered "unsure"
    right_when_said: float  # share of said digits that are right
    caught_others: float  # share of what is no digit that is called so


def at_temperature(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Softmax of log(p) / T; (n, classes) to (n, classes)."""
    logits = np.log(np.clip(np.asarray(probabilities, np.float64), 1e-12, 1.0)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    scores = np.exp(logits)
    return scores / scores.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The temperature of least negative log likelihood, 0.2 to 5.

    Raises:
        ValueError: there is nothing to fit on.
    """
    kind = np.asarray(labels, int)
    if not len(kind):
        raise ValueError("no validation drawings to fit the temperature on")

    def loss(log_temperature: float) -> float:
        scores = at_temperature(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(np.clip(scores[np.arange(len(kind)), kind], 1e-12, 1)).mean())

    bounds = (np.log(0.2), np.log(5.0))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def expect_outliers(model: keras.Model, *, trained: float, expected: float) -> None:
    """Tells a network how rare a drawing that is no digit will be, by the bias of that class.

    A network answers with the shares it was trained on. Other shares multiply its odds, which is
    one number added to a logit (Saerens, Latinne and Decaestecker, 2002). The order of drawings
    by their score, and so the AUROC, stays as it is.

    Args:
        model: ends in a dense layer and a softmax over eleven classes; is changed.
        trained: the share of what is no digit in the batches.
        expected: the share among visits.

    Raises:
        ValueError: a share is not between 0 and 1.
    """
    if not (0 < trained < 1 and 0 < expected < 1):
        raise ValueError(f"shares lie between 0 and 1: trained {trained}, expected {expected}")
    odds = np.log(expected / (1 - expected)) - np.log(trained / (1 - trained))
    kernel, bias = model.layers[-2].get_weights()
    bias[NOT_A_DIGIT_CLASS] += odds
    model.layers[-2].set_weights([kernel, bias])


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error of the likeliest class: mean |accuracy - confidence| by bin."""
    scores = np.asarray(probabilities, np.float64)
    confidence, right = scores.max(1), scores.argmax(1) == np.asarray(labels)
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for index in np.unique(bin_of):
        inside = bin_of == index
        error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(error)


def auroc(digits: ArrayLike, others: ArrayLike) -> float:
    """How surely a digit gets a lower "not a digit" score than something else; 0.5 is chance.

    The Mann-Whitney statistic; ties count half.

    Args:
        digits: (n,) scores of class "not a digit" of digits.
        others: (m,) those of what is none.
    """
    low, high = np.sort(np.asarray(digits, np.float64)), np.asarray(others, np.float64)
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / 2 / len(low))


def choose_thresholds(
    digit_probabilities: ArrayLike, digit_labels: Sequence[int] | ArrayLike, other: ArrayLike
) -> Choice:
    """Thresholds for the verdict from calibrated probabilities (n, 11) of digits and of others.

    "Not a digit" is said when its probability reaches a threshold that is as low as refusing at
    most MAX_REFUSED of the digits allows, but never under one half: it must be the likeliest.
    A digit is said when its probability reaches the lowest value at which WANTED_RIGHT of what is
    said is right, unless that would leave more than MAX_UNSURE of the digits unsaid.
    """
    scores, labels = np.asarray(digit_probabilities), np.asarray(digit_labels, int)
    outside = np.asarray(other)
    allowed = np.sort(scores[:, NOT_A_DIGIT_CLASS])[::-1]
    limit = float(allowed[int(MAX_REFUSED * len(allowed))])
    not_a_digit = float(np.clip(np.ceil((limit + 1e-6) * 200) / 200, 0.5, 0.99))
    refused = scores[:, NOT_A_DIGIT_CLASS] >= not_a_digit

    confidence = scores[:, :NOT_A_DIGIT_CLASS].max(1)
    right = scores[:, :NOT_A_DIGIT_CLASS].argmax(1) == labels
    chosen = 0.5
    for candidate in np.arange(0.5, 0.96, 0.01):
        said = ~refused & (confidence >= candidate)
        if (~refused & (confidence < candidate)).mean() > MAX_UNSURE:
            break
        chosen = float(round(candidate, 2))
        if said.any() and right[said].mean() >= WANTED_RIGHT:
            break
    said = ~refused & (confidence >= chosen)
    return Choice(
        digit_confidence=chosen,
        not_a_digit=not_a_digit,
        refused_digits=float(refused.mean()),
        unsure_digits=float((~refused & ~said).mean()),
        right_when_said=float(right[said].mean()) if said.any() else 0.0,
        caught_others=float((outside[:, NOT_A_DIGIT_CLASS] >= not_a_digit).mean()),
    )
