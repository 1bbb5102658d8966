"""Measurements of one version: accuracy, confidence, negatives, agreement of its two forms."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS
from training.evaluation import metrics
from training.evaluation.metrics import Reliability, Share
from training.evaluation.samples import Sample, Samples

SEEDS = Path(__file__).resolve().parents[1] / "artifacts" / "seeds"
AGREEMENT = 1e-3  # of a probability between SavedModel and JSON plus HDF5


@dataclass(frozen=True)
class DigitFigures:
    """One version on one sample of digits."""

    accuracy: Share  # said by the page: likeliest digit, not refused
    likeliest: Share  # the likeliest digit, refused or not
    refused: Share
    unsure: Share
    right_when_sure: Share
    by_digit: dict[str, Share]
    by_laboratory: dict[str, Share]
    by_person: dict[str, Share]
    confusion: NDArray[np.int64]
    reliability: Reliability
    errors: NDArray[np.int64]  # rows of the sample that were read wrongly
    said: NDArray[np.int64]  # (n,) what the page says, 10 for "not a digit"


@dataclass(frozen=True)
class OtherFigures:
    """One version on one sample of what is no digit, against the pen digits."""

    refused: Share
    auroc: float
    false_positives: float  # FPR at 95 % TPR
    false_rates: NDArray[np.float64]
    true_rates: NDArray[np.float64]


@dataclass(frozen=True)
class VersionFigures:
    """All figures of one version."""

    version: int
    title: str
    classes: int
    parameters: int
    size_bytes: int
    temperature: float
    thresholds: dict[str, float]
    digits: dict[str, DigitFigures]
    whole_canvas: dict[str, Share]
    others: dict[str, OtherFigures]
    # Largest difference of a probability, and answers that differ; None without JSON plus HDF5.
    agreement: tuple[float, int] | None
    kept_accuracy: dict[str, Share] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        return self.agreement is None or (self.agreement[0] <= AGREEMENT and self.agreement[1] == 0)


def digit_score(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much a drawing is a digit: 1 - p("not a digit"), or without that class the largest p."""
    if probabilities.shape[1] > NOT_A_DIGIT_CLASS:
        return 1.0 - probabilities[:, NOT_A_DIGIT_CLASS]
    return np.asarray(probabilities.max(1))


def read_all(probabilities: NDArray[np.float64], not_a_digit: float) -> NDArray[np.int64]:
    """What the page says of each, 10 for "not a digit"; as serving.verdict.read_verdict."""
    said = probabilities[:, :NOT_A_DIGIT_CLASS].argmax(1)
    if probabilities.shape[1] > NOT_A_DIGIT_CLASS:
        said = np.where(probabilities[:, NOT_A_DIGIT_CLASS] >= not_a_digit, NOT_A_DIGIT_CLASS, said)
    return said


def digit_figures(sample: Sample, probabilities: NDArray[np.float64], subject: Any) -> DigitFigures:
    """Figures of one version on digits.

    Args:
        sample: of digits.
        probabilities: (n, 10 or 11), the version's.
        subject: the version; its thresholds count.
    """
    limits = subject.thresholds
    said = read_all(probabilities, limits.not_a_digit)
    likeliest = probabilities[:, :NOT_A_DIGIT_CLASS].argmax(1)
    confidence = np.where(
        said == NOT_A_DIGIT_CLASS, probabilities.max(1), probabilities[:, :NOT_A_DIGIT_CLASS].max(1)
    )
    right = said == sample.labels
    sure = (said != NOT_A_DIGIT_CLASS) & (confidence >= limits.digit_confidence)

    def share(mask: NDArray[np.bool_], of: NDArray[np.bool_] | None = None) -> Share:
        return Share(int(mask.sum()), int(len(mask) if of is None else of.sum()))

    def by(groups: NDArray[np.str_] | NDArray[np.int64]) -> dict[str, Share]:
        return {str(group): share(right[groups == group]) for group in np.unique(groups)}

    people = np.array(sample.people)
    return DigitFigures(
        accuracy=share(right),
        likeliest=share(likeliest == sample.labels),
        refused=share(said == NOT_A_DIGIT_CLASS),
        unsure=share((said != NOT_A_DIGIT_CLASS) & ~sure),
        right_when_sure=share(right & sure, sure),
        by_digit=by(sample.labels),
        by_laboratory=by(np.array([person.split("/")[0] for person in sample.people]))
        if sample.people
        else {},
        by_person=by(people) if sample.people else {},
        confusion=metrics.confusion(
            sample.labels, said, columns=max(probabilities.shape[1], NOT_A_DIGIT_CLASS)
        ),
        reliability=metrics.reliability(confidence, right),
        errors=np.flatnonzero(~right),
        said=said,
    )


def measure(subject: Any, data: Samples) -> VersionFigures:
    """All figures of a version (`training.evaluation.candidates.Subject`) but its speed."""
    answers = {name: subject.served(sample.instances) for name, sample in data.digits.items()}
    digits = {
        name: digit_figures(sample, answers[name], subject) for name, sample in data.digits.items()
    }
    pens = [answers[name] for name in ("tidy", "messy") if name in answers]
    reference = digit_score(np.concatenate(pens)) if pens else np.zeros(0)
    others = {}
    for name, sample in data.others.items():
        given = subject.served(sample.instances)
        score = digit_score(given)
        false, true = metrics.roc(reference, score)
        refused = read_all(given, subject.thresholds.not_a_digit) == NOT_A_DIGIT_CLASS
        others[name] = OtherFigures(
            refused=Share(int(refused.sum()), len(sample)),
            auroc=metrics.auroc(reference, score),
            false_positives=metrics.false_positives_at(reference, score, true_rate=0.95),
            false_rates=false,
            true_rates=true,
        )
    whole_canvas = {}
    for name, sample in data.whole_canvas.items():
        said = read_all(subject.served(sample.instances), subject.thresholds.not_a_digit)
        whole_canvas[name] = Share(int((said == sample.labels).sum()), len(sample))
    agreement = None
    kept_accuracy = {}
    if subject.kept is not None:
        apart, differ = 0.0, 0
        for name, sample in data.digits.items():
            kept = subject.kept(sample.instances)
            said = read_all(kept, subject.thresholds.not_a_digit)
            kept_accuracy[name] = Share(int((said == sample.labels).sum()), len(sample))
            apart = max(apart, float(np.abs(kept - answers[name]).max()))
            differ += int((kept.argmax(1) != answers[name].argmax(1)).sum())
        agreement = (apart, differ)
    card = subject.card
    return VersionFigures(
        version=subject.version,
        title=card.title,
        classes=card.classes,
        parameters=card.parameters,
        size_bytes=card.size_bytes,
        temperature=card.temperature,
        thresholds={
            "digit_confidence": card.thresholds.digit_confidence,
            "not_a_digit": card.thresholds.not_a_digit,
        },
        digits=digits,
        whole_canvas=whole_canvas,
        others=others,
        agreement=agreement,
        kept_accuracy=kept_accuracy,
    )


def seeds_spread(folder: Path = SEEDS) -> dict[str, dict[str, Any]]:
    """Mean and spread of the figures that each training seed left; empty without any."""
    found: dict[str, list[float]] = defaultdict(list)
    numbers = []
    for path in sorted(folder.glob("seed-*.json")):
        made = json.loads(path.read_text(encoding="utf-8"))
        numbers.append(made.get("seed"))
        for name, value in made.get("metrics", {}).items():
            if isinstance(value, int | float):
                found[name].append(float(value))
    return {
        name: {
            "mean": float(np.mean(values)),
            "standard_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            "values": values,
            "seeds": numbers,
        }
        for name, values in found.items()
        if len(values) == len(numbers)
    }
