"""Validation of a trained network: calibration on held-out writers, and the metrics it is kept for.

The metrics become part of the training metadata and of the model card. A digit counts as right if
the page would answer it: the most probable digit, not refused as "not a digit".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS, Thresholds
from training.configuration import Calibration
from training.evaluation import metrics
from training.evaluation.measurements import digit_score, measure_digits
from training.evaluation.samples import NEGATIVES, SEEN_LETTERS, UNSEEN_LETTERS, Samples
from training.network import calibration
from training.network.calibration import ThresholdChoice


@dataclass(frozen=True)
class Validation:
    """Temperature, thresholds and metrics of one network."""

    temperature: float
    choice: ThresholdChoice
    metrics: dict[str, Any]


def validate(
    samples: Samples,
    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    settings: Calibration | None = None,
) -> Validation:
    """Calibrate a network and measure it.

    Args:
        samples: drawings of held-out writers.
        predict: the network, from instances (n, 28, 28) to probabilities (n, 11).
        settings: temperature and thresholds; without a temperature they are fitted on the samples.
    """
    raw = {name: predict(sample.instances) for name, sample in samples.digits.items()}
    raw_negatives = {name: predict(part.instances) for name, part in samples.negatives.items()}
    labels = np.concatenate([sample.labels for sample in samples.digits.values()])
    raw_digits = np.concatenate(list(raw.values()))
    if settings is not None and settings.temperature <= 0:
        settings = None
    temperature = (
        settings.temperature
        if settings
        else calibration.fit_temperature(
            np.concatenate([raw_digits, raw_negatives[SEEN_LETTERS]]),
            np.concatenate([labels, np.full(len(raw_negatives[SEEN_LETTERS]), NOT_A_DIGIT_CLASS)]),
        )
    )
    digits = calibration.at_temperature(raw_digits, temperature)
    negatives = {
        name: calibration.at_temperature(part, temperature) for name, part in raw_negatives.items()
    }
    known = [part for name, part in negatives.items() if name != UNSEEN_LETTERS]
    if settings:
        choice = calibration.measure_thresholds(
            digits,
            labels,
            np.concatenate(known),
            digit_confidence=settings.digit_confidence,
            not_a_digit=settings.not_a_digit,
        )
    else:
        choice = calibration.choose_thresholds(digits, labels, np.concatenate(known))
    thresholds = Thresholds(
        digit_confidence=choice.digit_confidence, not_a_digit=choice.not_a_digit
    )

    accuracies = {}
    for name, sample in samples.digits.items():
        measured = measure_digits(
            sample, calibration.at_temperature(raw[name], temperature), thresholds
        )
        accuracies[f"pen_{name}_accuracy"] = measured.accuracy.value
    auroc = {
        name: metrics.auroc(digit_score(digits), digit_score(part))
        for name, part in negatives.items()
    }
    unseen = negatives[UNSEEN_LETTERS][:, NOT_A_DIGIT_CLASS]
    return Validation(
        temperature=temperature,
        choice=choice,
        metrics={
            **accuracies,
            "auroc_seen_letters": auroc[SEEN_LETTERS],
            "auroc_unseen_letters": auroc[UNSEEN_LETTERS],
            "auroc_negatives": {kind: auroc[name] for kind, name in NEGATIVES.items()},
            "pen_ece": metrics.calibration_error(digits, labels),
            "pen_ece_before_temperature": metrics.calibration_error(raw_digits, labels),
            "refused_digits": choice.refused_digits,
            "unsure_digits": choice.unsure_digits,
            "right_when_sure": choice.right_when_sure,
            "refused_seen_letters_and_negatives": choice.refused_negatives,
            "refused_unseen_letters": float((unseen >= choice.not_a_digit).mean()),
        },
    )
