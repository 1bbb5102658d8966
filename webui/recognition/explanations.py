"""Explanations: an occlusion map of a recorded prediction, for its answer and the runner-up."""

from dataclasses import dataclass

import numpy as np
import structlog
from django.conf import settings
from numpy.typing import NDArray

from serving.client import Answer, VersionNotLoaded
from serving.occlusion import SIDE, occlude, occlusion_map, windows_on
from serving.verdict import NOT_A_DIGIT_CLASS
from webui.recognition.answers import check_sums
from webui.records.models import Record
from webui.rollout.serving import serving_client

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """The effect of covering parts of an instance on one class.

    Attributes:
        index: 0 to 9, or 10 for "not a digit".
        probability: of the class, with nothing covered.
        lowest, highest: of the class, with any one window covered or none.
        map: (28, 28), see `serving.occlusion.occlusion_map`.
    """

    index: int
    probability: float
    lowest: float
    highest: float
    map: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Explained:
    """The explanation of one prediction.

    Attributes:
        model_name, version, label: what was asked now.
        same_version: whether that made the prediction.
        classes: the answer, then the runner-up.
    """

    model_name: str
    version: int
    label: str
    same_version: bool
    classes: tuple[ClassMap, ClassMap]


def explain(record: Record) -> Explained:
    """Explain a prediction with one call to the model.

    The version that made it is asked; if it is not served any more, that of its label, or the
    stable one.

    Raises:
        ServingError: no model answers, or the answer is not probabilities.
    """
    pixels = np.frombuffer(bytes(record.instance), np.uint8).reshape(SIDE, SIDE)
    instance: NDArray[np.float32] = pixels.astype(np.float32) / np.float32(255)
    windows = windows_on(instance)
    answer = _ask(record, occlude(instance, windows))
    check_sums(answer)
    first = _answered_class(record, answer)
    others = np.delete(np.arange(answer.probabilities.shape[1]), first)
    second = int(others[answer.probabilities[0, others].argmax()])
    maps = []
    for index in (first, second):
        column = answer.probabilities[:, index]
        maps.append(
            ClassMap(
                index=index,
                probability=float(column[0]),
                lowest=float(column.min()),
                highest=float(column.max()),
                map=occlusion_map(column, windows, instance=instance),
            )
        )
    same = _same_model(record) and answer.version == record.model_version
    return Explained(
        model_name=settings.MODEL_NAME,
        version=answer.version,
        label=answer.label or record.model_label,
        same_version=same,
        classes=(maps[0], maps[1]),
    )


def _same_model(record: Record) -> bool:
    return bool(record.model_name == settings.MODEL_NAME)


def _ask(record: Record, instances: NDArray[np.float32]) -> Answer:
    client = serving_client()
    if _same_model(record):
        try:
            return client.predict_by_version(instances, version=record.model_version)
        except VersionNotLoaded:
            logger.info("explained_by_another_version", version=record.model_version)
    return client.predict(instances, label=record.model_label)


def _answered_class(record: Record, answer: Answer) -> int:
    """Return the class that was predicted, or the likeliest if this version does not have it."""
    predicted = NOT_A_DIGIT_CLASS if record.digit is None else record.digit
    if predicted < answer.probabilities.shape[1]:
        return predicted
    return int(answer.probabilities[0].argmax())
