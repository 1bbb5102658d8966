"""Temperature, calibration error, AUROC and thresholds on made-up scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from training.network import calibration


def overconfident(n: int = 4000, sharpen: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(true probabilities, the same sharpened, labels drawn from the true ones)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 11))
    true = softmax(logits, axis=1)
    labels = np.array([rng.choice(11, p=row) for row in true])
    return true, softmax(logits * sharpen, axis=1), labels


def test_the_temperature_undoes_a_sharpening() -> None:
    _, scores, labels = overconfident(sharpen=2.0)
    assert calibration.fit_temperature(scores, labels) == pytest.approx(2.0, rel=0.07)


def test_calibration_lowers_the_error_and_changes_no_answer() -> None:
    true, scores, labels = overconfident(sharpen=3.0)
    temperature = calibration.fit_temperature(scores, labels)
    cooled = calibration.at_temperature(scores, temperature)
    assert calibration.calibration_error(cooled, labels) < 0.03
    assert calibration.calibration_error(scores, labels) > 0.1
    assert (cooled.argmax(1) == scores.argmax(1)).all()
    np.testing.assert_allclose(cooled.sum(1), 1.0)
    assert calibration.calibration_error(true, labels) < 0.03


def test_the_error_of_a_known_case() -> None:
    scores = np.tile([0.8, 0.2], (10, 1))  # always sure by 0.8, right 6 times of 10
    assert calibration.calibration_error(scores, [0] * 6 + [1] * 4) == pytest.approx(0.2)


def test_nothing_to_fit_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="no validation drawings"):
        calibration.fit_temperature(np.zeros((0, 11)), [])


@given(
    digits=st.lists(st.integers(0, 9), min_size=1, max_size=30),
    others=st.lists(st.integers(0, 9), min_size=1, max_size=30),
)
@settings(deadline=None)
def test_auroc_is_the_share_of_pairs_in_order(digits: list[int], others: list[int]) -> None:
    pairs = [(o > d) + (o == d) / 2 for d in digits for o in others]
    assert calibration.auroc(digits, others) == pytest.approx(np.mean(pairs))


def one_sure(label: int, by: float, n: int) -> np.ndarray:
    scores = np.full((n, 11), (1 - by) / 10)
    scores[:, label] = by
    return scores


def test_thresholds_refuse_few_digits_and_say_so() -> None:
    digits = np.concatenate([one_sure(3, 0.99, 990), one_sure(10, 0.6, 8), one_sure(10, 0.97, 2)])
    others = np.concatenate([one_sure(10, 0.9, 95), one_sure(7, 0.9, 5)])
    choice = calibration.choose_thresholds(digits, np.full(1000, 3), others)
    assert 0.6 < choice.not_a_digit <= 0.9
    assert choice.refused_digits == pytest.approx(0.002)
    assert choice.refused_digits <= calibration.MAX_REFUSED
    assert choice.caught_others == pytest.approx(0.95)


def test_no_digit_is_said_when_it_is_seldom_right() -> None:
    sure, doubtful = one_sure(3, 0.98, 980), one_sure(3, 0.705, 20)
    labels = np.concatenate([np.full(980, 3), np.full(20, 5)])
    choice = calibration.choose_thresholds(
        np.concatenate([sure, doubtful]), labels, one_sure(10, 0.9, 10)
    )
    assert choice.digit_confidence > 0.7
    assert choice.unsure_digits == pytest.approx(0.02)
    assert choice.right_when_said == 1.0


def test_visitors_are_not_asked_too_often() -> None:
    sure, doubtful = one_sure(3, 0.98, 900), one_sure(3, 0.7, 100)
    labels = np.concatenate([np.full(900, 3), np.full(100, 5)])
    choice = calibration.choose_thresholds(
        np.concatenate([sure, doubtful]), labels, one_sure(10, 0.9, 10)
    )
    assert choice.unsure_digits <= calibration.MAX_UNSURE


def test_rarer_outliers_lower_one_logit_and_keep_the_order() -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(11), keras.layers.Softmax()])
    inputs = np.random.default_rng(0).normal(0, 1, (50, 4)).astype(np.float32)
    before = model(inputs).numpy()
    calibration.expect_outliers(model, trained=0.2, expected=0.05)
    after = model(inputs).numpy()
    odds = (after[:, 10] / (1 - after[:, 10])) / (before[:, 10] / (1 - before[:, 10]))
    np.testing.assert_allclose(odds, (0.05 / 0.95) / (0.2 / 0.8), rtol=1e-4)
    assert (after[:, 10].argsort() == before[:, 10].argsort()).all()
    assert (after[:, :10].argmax(1) == before[:, :10].argmax(1)).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration.expect_outliers(model, trained=0.2, expected=0.0)
