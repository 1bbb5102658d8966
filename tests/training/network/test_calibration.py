"""Calibration: temperature, prior and thresholds on made-up scores."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from training.evaluation.metrics import calibration_error
from training.network import calibration

Scores = NDArray[np.float64]


def overconfident(sharpen: float, n: int = 4000) -> tuple[Scores, Scores, NDArray[np.int64]]:
    """Return true probabilities, the same sharpened, and labels drawn from the true ones."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 11))
    true = softmax(logits, axis=1)
    labels = np.array([rng.choice(11, p=row) for row in true])
    return true, softmax(logits * sharpen, axis=1), labels


def test_the_temperature_undoes_a_sharpening_and_changes_no_answer() -> None:
    true, scores, labels = overconfident(sharpen=3.0)
    temperature = calibration.fit_temperature(scores, labels)
    assert temperature == pytest.approx(3.0, rel=0.07)
    calibrated = calibration.at_temperature(scores, temperature)
    assert calibration_error(calibrated, labels) < 0.03 < 0.1 < calibration_error(scores, labels)
    assert (calibrated.argmax(1) == scores.argmax(1)).all()
    np.testing.assert_allclose(calibrated.sum(1), 1.0)
    assert calibration_error(true, labels) < 0.03


def test_small_probabilities_keep_their_order() -> None:
    scores = calibration.at_temperature([[1.0, 1e-20, 1e-25], [1.0, 0.0, 0.0]], 2.0)
    assert scores[0, 1] > scores[0, 2] > scores[1, 2] > 0


def test_nothing_to_fit_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="no validation drawings"):
        calibration.fit_temperature(np.zeros((0, 11)), [])


def scores_of(label: int, probability: float, n: int) -> Scores:
    scores = np.full((n, 11), (1 - probability) / 10)
    scores[:, label] = probability
    return scores


def test_thresholds_refuse_few_digits_and_count_them() -> None:
    digits = np.concatenate(
        [scores_of(3, 0.99, 990), scores_of(10, 0.6, 8), scores_of(10, 0.97, 2)]
    )
    negatives = np.concatenate([scores_of(10, 0.9, 95), scores_of(7, 0.9, 5)])
    choice = calibration.choose_thresholds(digits, np.full(1000, 3), negatives)
    assert 0.6 < choice.not_a_digit <= 0.9
    assert choice.refused_digits == pytest.approx(0.002)
    assert choice.refused_digits <= calibration.MAX_REFUSED
    assert choice.refused_negatives == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("sure", "doubtful", "expected_unsure"),
    [(980, 20, 0.02), (900, 100, 0.0)],  # all doubtful digits unsure, unless that is too many
)
def test_doubtful_digits_that_are_wrong_become_unsure(
    sure: int, doubtful: int, expected_unsure: float
) -> None:
    digits = np.concatenate([scores_of(3, 0.98, sure), scores_of(3, 0.705, doubtful)])
    labels = np.repeat([3, 5], [sure, doubtful])
    choice = calibration.choose_thresholds(digits, labels, scores_of(10, 0.9, 10))
    assert choice.unsure_digits == pytest.approx(expected_unsure)
    assert choice.unsure_digits <= calibration.MAX_UNSURE
    assert (choice.digit_confidence > 0.7) == (choice.right_when_sure == 1.0) == (sure == 980)


def test_a_rarer_class_gets_a_lower_logit_and_keeps_its_order() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(11), keras.layers.Softmax()])
    inputs = np.random.default_rng(0).normal(0, 1, (50, 4)).astype(np.float32)
    before = model(inputs).numpy()
    calibration.correct_prior(model, trained=0.2, expected=0.05)
    after = model(inputs).numpy()
    odds = (after[:, 10] / (1 - after[:, 10])) / (before[:, 10] / (1 - before[:, 10]))
    np.testing.assert_allclose(odds, (0.05 / 0.95) / (0.2 / 0.8), rtol=1e-4)
    assert (after[:, 10].argsort() == before[:, 10].argsort()).all()
    assert (after[:, :10].argmax(1) == before[:, :10].argmax(1)).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration.correct_prior(model, trained=0.2, expected=0.0)
