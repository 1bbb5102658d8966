"""What judges a training while it runs and when it is done: people, laboratories and letters apart.

The figures that go into made.json and the model's card come from here. A digit counts as right when
it is what the page would say: the likeliest digit, and not refused as "not a digit".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.preprocessing import to_instance
from serving.verdict import NOT_A_DIGIT_CLASS
from training.data import canvas, negatives
from training.data.instances import Instances, as_bytes, number_of
from training.data.pen_strokes import HELD_OUT_LETTERS, PenDrawing, load_digits, load_other, split
from training.network import calibration
from training.network.calibration import Choice

OUTLIERS_OF_A_KIND = 300
PERTURBED_DRAWINGS = 3  # messy drawings of each drawing


@dataclass(frozen=True)
class Validation:
    """Instances by what they measure; nobody here was trained on."""

    digits: dict[str, Instances]  # "tidy" and "messy", each of both kinds of people
    laboratories: dict[str, Instances]  # the part of the same that is by other laboratories
    seen_letters: Instances  # of kinds trained on, by people held out
    unseen_letters: Instances  # of kinds never trained on
    outliers: dict[str, Instances]


def load_validation(data_dir: Path, *, outliers_of_a_kind: int = OUTLIERS_OF_A_KIND) -> Validation:
    """Renders everything that judges; the same every time."""
    digits, letters = split(load_digits(data_dir)), split(load_other(data_dir))
    everybody = letters.training + letters.validation
    return Validation(
        digits={how: rendered(digits.validation, how=how) for how in ("tidy", "messy")},
        laboratories={
            how: rendered(digits.other_laboratories, how=how) for how in ("tidy", "messy")
        },
        seen_letters=rendered(
            [letter for letter in letters.validation if letter.label not in HELD_OUT_LETTERS],
            how="tidy",
        ),
        unseen_letters=rendered(
            [letter for letter in everybody if letter.label in HELD_OUT_LETTERS], how="tidy"
        ),
        outliers=unseen_outliers(data_dir, outliers_of_a_kind),
    )


def rendered(drawings: Sequence[PenDrawing], *, how: str, seed: int = 0) -> Instances:
    """Drawings through the page's canvas and the preprocessing, nothing bent.

    Args:
        drawings: digits, or letters (class 10).
        how: "tidy" (each once) or "messy" (each PERTURBED_DRAWINGS times, elsewhere and otherwise).
        seed: of the messiness.
    """
    rng = np.random.default_rng(seed)
    images, labels = [], []
    for drawing in drawings:
        for _ in range(1 if how == "tidy" else PERTURBED_DRAWINGS):
            picture = (
                canvas.clean(drawing.strokes)
                if how == "tidy"
                else canvas.perturbed(drawing.strokes, rng)
            )
            images.append(as_bytes(to_instance(picture)))
            labels.append(int(drawing.label) if drawing.label.isdigit() else NOT_A_DIGIT_CLASS)
    if not images:
        return Instances(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int32))
    return Instances(np.stack(images), np.array(labels, np.int32))


def unseen_outliers(data_dir: Path, count: int, *, seed: int = 0) -> dict[str, Instances]:
    """Drawn outliers by kind, made from the strokes of people held out; symbols excepted.

    Symbols and bare shapes are the training's own templates, so they would flatter.
    """
    digits = split(load_digits(data_dir)).validation
    letters = split(load_other(data_dir)).validation
    made = {}
    for kind in negatives.KINDS:
        if kind == "symbol":
            continue
        rng = np.random.default_rng([seed, number_of(kind)])
        images = [
            as_bytes(
                to_instance(
                    canvas.perturbed(
                        negatives.outlier(kind, digits=digits, letters=letters, rng=rng), rng
                    )
                )
            )
            for _ in range(count)
        ]
        made[kind] = Instances(np.stack(images), np.full(count, NOT_A_DIGIT_CLASS, np.int32))
    return made


@dataclass(frozen=True)
class Scores:
    """Uncalibrated probabilities (n, 11) of everything in a Validation, by the same names."""

    digits: dict[str, NDArray[np.float32]]
    laboratories: dict[str, NDArray[np.float32]]
    seen_letters: NDArray[np.float32]
    unseen_letters: NDArray[np.float32]
    outliers: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Judgement:
    """Temperature, thresholds and figures of one model."""

    temperature: float
    choice: Choice
    metrics: dict[str, Any]


def judge(validation: Validation, scores: Scores) -> Judgement:
    """Calibrates on the validation digits and seen letters, then measures everything."""
    labels = np.concatenate([part.labels for part in validation.digits.values()])
    raw_digits = np.concatenate(list(scores.digits.values()))
    others = np.concatenate([scores.seen_letters, *scores.outliers.values()])
    temperature = calibration.fit_temperature(
        np.concatenate([raw_digits, scores.seen_letters]),
        np.concatenate([labels, np.full(len(scores.seen_letters), NOT_A_DIGIT_CLASS)]),
    )

    def calibrated(raw: NDArray[np.float32]) -> NDArray[np.float64]:
        return calibration.at_temperature(raw, temperature)

    choice = calibration.choose_thresholds(calibrated(raw_digits), labels, calibrated(others))

    def said_right(raw: NDArray[np.float32], wanted: NDArray[np.int32]) -> float:
        values = calibrated(raw)
        digit = values[:, :NOT_A_DIGIT_CLASS].argmax(1)
        accepted = values[:, NOT_A_DIGIT_CLASS] < choice.not_a_digit
        return float((accepted & (digit == wanted)).mean())

    metrics: dict[str, Any] = {}
    for how, instances in validation.digits.items():
        metrics[f"pen_{how}_accuracy"] = said_right(scores.digits[how], instances.labels)
        inside = validation.laboratories[how]
        metrics[f"pen_{how}_other_laboratories_accuracy"] = said_right(
            scores.laboratories[how], inside.labels
        )
    refusal = calibrated(raw_digits)[:, NOT_A_DIGIT_CLASS]

    def apart(raw: NDArray[np.float32]) -> float:
        return calibration.auroc(refusal, calibrated(raw)[:, NOT_A_DIGIT_CLASS])

    metrics["auroc_seen_letters"] = apart(scores.seen_letters)
    metrics["auroc_unseen_letters"] = apart(scores.unseen_letters)
    metrics["auroc_outliers"] = {kind: apart(raw) for kind, raw in scores.outliers.items()}
    metrics["pen_ece"] = calibration.calibration_error(calibrated(raw_digits), labels)
    metrics["pen_ece_before_temperature"] = calibration.calibration_error(raw_digits, labels)
    metrics["refused_digits"] = choice.refused_digits
    metrics["unsure_digits"] = choice.unsure_digits
    metrics["right_when_said"] = choice.right_when_said
    metrics["refused_seen_letters_and_outliers"] = choice.caught_others
    metrics["refused_unseen_letters"] = float(
        (calibrated(scores.unseen_letters)[:, NOT_A_DIGIT_CLASS] >= choice.not_a_digit).mean()
    )
    return Judgement(temperature=temperature, choice=choice, metrics=metrics)
