"""What judges: renders people held out, and measures what the page would say."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.pens import drawing
from training.data.instances import Instances
from training.evaluation.validation import PERTURBED_DRAWINGS, Scores, Validation, judge, rendered

RNG = np.random.default_rng(0)


def scores_of(labels: np.ndarray, sure: float = 0.95) -> np.ndarray:
    scores = RNG.dirichlet(np.ones(11) * 0.05, len(labels)) * (1 - sure)
    scores[np.arange(len(labels)), labels] += sure
    return scores.astype(np.float32)


def of(labels: np.ndarray) -> Instances:
    return Instances(np.zeros((len(labels), 28, 28), np.uint8), labels.astype(np.int32))


@pytest.fixture
def case() -> tuple[Validation, Scores]:
    digits, none = np.arange(400) % 10, np.full(200, 10)
    parts = {"tidy": digits, "messy": digits[:300]}
    validation = Validation(
        digits={name: of(labels) for name, labels in parts.items()},
        laboratories={name: of(labels[:50]) for name, labels in parts.items()},
        seen_letters=of(none),
        unseen_letters=of(none),
        outliers={"dots": of(none)},
    )
    scores = Scores(
        digits={name: scores_of(labels) for name, labels in parts.items()},
        laboratories={name: scores_of(labels[:50]) for name, labels in parts.items()},
        seen_letters=scores_of(none),
        unseen_letters=scores_of(none),
        outliers={"dots": scores_of(none)},
    )
    return validation, scores


def test_a_model_that_is_right_gets_full_marks(case: tuple[Validation, Scores]) -> None:
    judgement = judge(*case)
    assert judgement.metrics["pen_tidy_accuracy"] == 1.0
    assert judgement.metrics["pen_messy_other_laboratories_accuracy"] == 1.0
    assert judgement.metrics["auroc_unseen_letters"] == 1.0
    assert judgement.metrics["auroc_outliers"] == {"dots": 1.0}
    assert judgement.metrics["refused_digits"] == 0.0
    assert judgement.metrics["pen_ece"] < judgement.metrics["pen_ece_before_temperature"]
    assert judgement.temperature < 1  # it was right more often than it said


def test_a_refused_digit_counts_as_wrong(case: tuple[Validation, Scores]) -> None:
    validation, scores = case
    tidy = scores.digits["tidy"].copy()
    tidy[:2] = 0.001
    tidy[:2, 10] = 0.99  # the digit would be right, but "not a digit" is said
    judgement = judge(validation, replace(scores, digits={**scores.digits, "tidy": tidy}))
    assert judgement.metrics["pen_tidy_accuracy"] == pytest.approx(398 / 400)
    assert judgement.metrics["refused_digits"] == pytest.approx(2 / 700)


def test_rendering_knows_digits_letters_and_how_often() -> None:
    drawings = [drawing("7"), drawing("E")]
    tidy, messy = rendered(drawings, how="tidy"), rendered(drawings, how="messy")
    assert tidy.labels.tolist() == [7, 10]
    assert len(messy) == 2 * PERTURBED_DRAWINGS
    assert (messy.images == rendered(drawings, how="messy").images).all()
    assert len(rendered([], how="tidy")) == 0
    assert tidy.images.max() > 200
