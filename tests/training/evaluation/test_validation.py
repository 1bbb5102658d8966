"""Validation: calibrates a network, and measures what the page would answer."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from training.configuration import Calibration
from training.evaluation.samples import NEGATIVES, SEEN_LETTERS, UNSEEN_LETTERS, Sample, Samples
from training.evaluation.validation import Validation, validate


def sample(labels: NDArray[np.int64], people: tuple[str, ...] = ()) -> Sample:
    instances = np.zeros((len(labels), 28, 28), np.float32)
    instances[:, 0, 0] = labels
    return Sample("made up", instances, labels, people)


def predict(instances: NDArray[np.float32]) -> NDArray[np.float32]:
    """Read the class from the first pixel, with a confidence of 95 to 100 %."""
    rng = np.random.default_rng(0)
    labels = instances[:, 0, 0].astype(int)
    scores = rng.dirichlet(np.ones(11) * 0.05, len(labels)) * 0.05
    scores[np.arange(len(labels)), labels] += 0.95
    return scores.astype(np.float32)


@pytest.fixture
def samples() -> Samples:
    digits, negatives = np.arange(400) % 10, np.full(200, 10)
    people = tuple("aga/w" if n < 50 else "apb/w" for n in range(400))
    return Samples(
        digits={"clean": sample(digits, people), "perturbed": sample(digits[:300], people[:300])},
        negatives={
            name: sample(negatives) for name in (SEEN_LETTERS, UNSEEN_LETTERS, *NEGATIVES.values())
        },
        whole_canvas={},
    )


def test_a_network_that_is_right_reaches_every_maximum(samples: Samples) -> None:
    validation: Validation = validate(samples, predict)
    metrics = validation.metrics
    assert metrics["pen_clean_accuracy"] == 1.0
    assert metrics["pen_perturbed_accuracy"] == 1.0
    assert metrics["auroc_unseen_letters"] == 1.0
    assert metrics["auroc_negatives"] == dict.fromkeys(NEGATIVES, 1.0)
    assert metrics["refused_digits"] == 0.0
    assert metrics["pen_ece"] < metrics["pen_ece_before_temperature"]
    assert validation.temperature < 1  # it was more often right than confident


def test_a_refused_digit_counts_as_wrong(samples: Samples) -> None:
    clean = samples.digits["clean"]
    marked = clean.instances.copy()
    marked[:2, 0, 1] = 1

    def predict_and_refuse(instances: NDArray[np.float32]) -> NDArray[np.float32]:
        scores = predict(instances)
        refused = instances[:, 0, 1] == 1
        scores[refused] *= 0.01  # the likeliest digit stays right
        scores[refused, 10] = 0.99
        return scores

    digits = {**samples.digits, "clean": replace(clean, instances=marked)}
    metrics = validate(replace(samples, digits=digits), predict_and_refuse).metrics
    assert metrics["pen_clean_accuracy"] == pytest.approx(398 / 400)
    assert metrics["refused_digits"] == pytest.approx(2 / 700)


def test_a_recipe_may_give_temperature_and_thresholds(samples: Samples) -> None:
    given = Calibration(0.05, temperature=0.8, digit_confidence=0.9, not_a_digit=0.6)
    validation = validate(samples, predict, given)
    assert validation.temperature == 0.8
    assert (validation.choice.digit_confidence, validation.choice.not_a_digit) == (0.9, 0.6)
    assert validation.choice.right_when_sure == 1.0
    fitted = validate(samples, predict)
    assert validate(samples, predict, replace(given, temperature=0.0)) == fitted
