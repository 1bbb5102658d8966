"""Measurements of a model version: accuracy, confidence, negatives, agreement with its source."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS, Thresholds
from training.evaluation import metrics
from training.evaluation.candidates import Candidate
from training.evaluation.metrics import Reliability, Share
from training.evaluation.samples import Sample, Samples

MOST_DIFFERENCE = 1e-3  # of a probability between the SavedModel and the network it was made from

Probabilities = NDArray[np.float64]  # (n, 10 or 11)


@dataclass(frozen=True)
class DigitMeasurements:
    """Measurements of one version on one sample of digits."""

    accuracy: Share  # the page's answer: the most probable digit, not refused
    likeliest: Share  # the most probable digit, refused or not
    refused: Share
    unsure: Share
    right_when_sure: Share
    by_digit: dict[str, Share]
    by_laboratory: dict[str, Share]
    by_person: dict[str, Share]
    confusion: NDArray[np.int64]
    reliability: Reliability
    errors: NDArray[np.int64]  # rows of the sample that were predicted wrongly
    predicted: NDArray[np.int64]  # (n,) the page's answers, 10 for "not a digit"


@dataclass(frozen=True)
class NegativeMeasurements:
    """Measurements of one version on one sample of negatives, against the pen digits."""

    refused: Share
    auroc: float
    false_positive_rate: float  # at 95 % true positives
    false_rates: NDArray[np.float64]
    true_rates: NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """The differences between a SavedModel and the JSON plus HDF5 that it was exported from."""

    largest_difference: float  # of a probability
    answers_that_differ: int
    accuracy: dict[str, Share]  # of the JSON plus HDF5, by sample


@dataclass(frozen=True)
class VersionMeasurements:
    """All measurements of one version."""

    version: int
    title: str
    classes: int
    parameters: int
    size_bytes: int
    temperature: float
    thresholds: Thresholds
    digits: dict[str, DigitMeasurements]
    whole_canvas: dict[str, Share]
    negatives: dict[str, NegativeMeasurements]
    agreement: Agreement | None  # None without the JSON plus HDF5
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """True unless the SavedModel and the JSON plus HDF5 are known to differ."""
        return self.agreement is None or (
            self.agreement.largest_difference <= MOST_DIFFERENCE
            and self.agreement.answers_that_differ == 0
        )


def digit_score(probabilities: Probabilities) -> NDArray[np.float64]:
    """Return 1 - p("not a digit"), or without that class the largest probability: (n,)."""
    if probabilities.shape[1] > NOT_A_DIGIT_CLASS:
        return 1.0 - probabilities[:, NOT_A_DIGIT_CLASS]
    return np.asarray(probabilities.max(1))


def predict_all(probabilities: Probabilities, thresholds: Thresholds) -> NDArray[np.int64]:
    """Return the page's answers, 10 for "not a digit"; as serving.verdict.read_verdict."""
    predicted = np.asarray(probabilities[:, :NOT_A_DIGIT_CLASS].argmax(1))
    if probabilities.shape[1] > NOT_A_DIGIT_CLASS:
        predicted[probabilities[:, NOT_A_DIGIT_CLASS] >= thresholds.not_a_digit] = NOT_A_DIGIT_CLASS
    return predicted


def confidence_of(
    probabilities: Probabilities, predicted: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the confidence of the page's answers: (n,)."""
    refused = predicted == NOT_A_DIGIT_CLASS
    likeliest = probabilities[:, :NOT_A_DIGIT_CLASS].max(1)
    return np.asarray(np.where(refused, probabilities.max(1), likeliest))


def measure_digits(
    sample: Sample, probabilities: Probabilities, thresholds: Thresholds
) -> DigitMeasurements:
    """Measure probabilities on a sample of digits."""
    predicted = predict_all(probabilities, thresholds)
    likeliest = probabilities[:, :NOT_A_DIGIT_CLASS].argmax(1)
    refused = predicted == NOT_A_DIGIT_CLASS
    confidence = confidence_of(probabilities, predicted)
    right = predicted == sample.labels
    sure = ~refused & (confidence >= thresholds.digit_confidence)

    def by(groups: NDArray[np.str_] | NDArray[np.int64]) -> dict[str, Share]:
        return {str(group): _share(right[groups == group]) for group in np.unique(groups)}

    laboratories = [person.split("/")[0] for person in sample.people]
    return DigitMeasurements(
        accuracy=_share(right),
        likeliest=_share(likeliest == sample.labels),
        refused=_share(refused),
        unsure=_share(~refused & ~sure),
        right_when_sure=_share(right[sure]),
        by_digit=by(sample.labels),
        by_laboratory=by(np.array(laboratories)) if sample.people else {},
        by_person=by(np.array(sample.people)) if sample.people else {},
        confusion=metrics.confusion_matrix(
            sample.labels, predicted, columns=max(probabilities.shape[1], NOT_A_DIGIT_CLASS)
        ),
        reliability=metrics.reliability(confidence, right),
        errors=np.flatnonzero(~right),
        predicted=predicted,
    )


def measure(candidate: Candidate, samples: Samples) -> VersionMeasurements:
    """Measure everything about a version but its speed."""
    thresholds = candidate.card.thresholds
    answers = {name: candidate.served(part.instances) for name, part in samples.digits.items()}
    whole_canvas = {}
    for name, sample in samples.whole_canvas.items():
        predicted = predict_all(candidate.served(sample.instances), thresholds)
        whole_canvas[name] = _share(predicted == sample.labels)
    card = candidate.card
    return VersionMeasurements(
        version=card.version,
        title=card.title,
        classes=card.classes,
        parameters=card.parameters,
        size_bytes=card.size_bytes,
        temperature=card.temperature,
        thresholds=thresholds,
        digits={
            name: measure_digits(sample, answers[name], thresholds)
            for name, sample in samples.digits.items()
        },
        whole_canvas=whole_canvas,
        negatives=_measure_negatives(candidate, samples, answers),
        agreement=_measure_agreement(candidate, samples, answers),
    )


def _measure_negatives(
    candidate: Candidate, samples: Samples, answers: dict[str, Probabilities]
) -> dict[str, NegativeMeasurements]:
    if not samples.negatives:
        return {}
    digits = digit_score(np.concatenate([answers["clean"], answers["perturbed"]]))
    measured = {}
    for name, sample in samples.negatives.items():
        probabilities = candidate.served(sample.instances)
        score = digit_score(probabilities)
        false, true = metrics.roc(digits, score)
        predicted = predict_all(probabilities, candidate.card.thresholds)
        measured[name] = NegativeMeasurements(
            refused=_share(predicted == NOT_A_DIGIT_CLASS),
            auroc=metrics.auroc(digits, score),
            false_positive_rate=metrics.false_positive_rate(digits, score, true_rate=0.95),
            false_rates=false,
            true_rates=true,
        )
    return measured


def _measure_agreement(
    candidate: Candidate, samples: Samples, answers: dict[str, Probabilities]
) -> Agreement | None:
    if candidate.source is None:
        return None
    accuracy, largest, differ = {}, 0.0, 0
    for name, sample in samples.digits.items():
        expected = candidate.source(sample.instances)
        predicted = predict_all(expected, candidate.card.thresholds)
        accuracy[name] = _share(predicted == sample.labels)
        largest = max(largest, float(np.abs(expected - answers[name]).max()))
        differ += int((expected.argmax(1) != answers[name].argmax(1)).sum())
    return Agreement(largest, differ, accuracy)


def _share(mask: NDArray[np.bool_]) -> Share:
    return Share(int(mask.sum()), len(mask))
