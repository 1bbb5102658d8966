"""The one thing this site does: a drawing comes in, a prediction goes out, and it is recorded."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import structlog
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from serving.client import Answer, LabelUnknown, ServingError
from serving.labels import STABLE
from serving.preprocessing import INSTANCE_SIZE, decode_picture, to_instance
from serving.verdict import Reading, read_verdict
from webui.access.visitors import Caller
from webui.operations import metrics
from webui.recognition.selectors import thresholds_of
from webui.recognition.submission import Ink
from webui.records.models import Record, instant_of, new_record_id
from webui.records.store import Recorded, store
from webui.rollout.services import label_for
from webui.rollout.serving import serving_client

SUM_TOLERANCE = 0.01  # probabilities are rounded to float32, nothing worse

logger = structlog.get_logger(__name__)


class UnusableAnswer(ServingError):
    """The model server answered with something that are no probabilities of digits."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A record as it was kept, and where it is."""

    record: Record
    recorded: Recorded


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    metrics.STAGES.labels(stage).observe(time.perf_counter() - started)


def recognise(*, picture: bytes, ink: Ink | None, visitor: str) -> Prediction:
    """Reads a drawing, records the reading, and only then answers.

    Args:
        picture: PNG, JPEG or WebP, as it came.
        ink: the pen's path, if the client sent it.
        visitor: who asks, as records keep it.

    Raises:
        PictureError: the picture is none, too large or blank.
        ServingError: no model answers, or not with probabilities.
        StoreUnavailable: the prediction could not be recorded.
    """
    with _timed("preprocess"):
        instance = to_instance(decode_picture(picture))
    with _timed("model"):
        answer, latency_ms = ask_model(instance, label=label_for(visitor))
    reading = read_answer(answer)
    record = new_record(
        reading=reading, answer=answer, latency_ms=latency_ms, instance=instance,
        picture=picture, ink=ink, visitor=visitor,
    )  # fmt: skip
    with _timed("record"):
        recorded = store().append(record)
    metrics.PREDICTIONS.labels(
        reading.verdict, str(answer.version), answer.label, recorded.value
    ).inc()
    logger.info(
        "predicted", record=str(record.id), verdict=reading.verdict, version=answer.version,
        label=answer.label, latency_ms=round(latency_ms, 1), recorded=recorded.value,
    )  # fmt: skip
    return Prediction(record=record, recorded=recorded)


def ask_model(instance: NDArray[np.float32], *, label: str) -> tuple[Answer, float]:
    """The model's answer to one (28, 28) instance, and the milliseconds it took.

    A canary may be withdrawn between choosing its label and asking: then stable answers.

    Raises:
        ServingError
    """
    batch = instance[np.newaxis]  # (1, 28, 28)
    started = time.perf_counter()
    try:
        answer = serving_client().predict(batch, label=label)
    except LabelUnknown:
        if label == STABLE:
            raise
        answer = serving_client().predict(batch, label=STABLE)
    return answer, (time.perf_counter() - started) * 1000


def read_answer(answer: Answer) -> Reading:
    """The verdict on one answer, after a look at whether it is one.

    Raises:
        UnusableAnswer: it is not one row of probabilities that add up to 1. (That they are 10
            or 11 and finite, the client has seen to.)
    """
    if len(answer.probabilities) != 1:
        raise UnusableAnswer(
            f"version {answer.version} gave {len(answer.probabilities)} answers to 1 instance"
        )
    probabilities: list[float] = answer.probabilities[0].tolist()
    if not abs(sum(probabilities) - 1) <= SUM_TOLERANCE:
        raise UnusableAnswer(
            f"version {answer.version} gave probabilities that add up to {sum(probabilities):.3f}"
        )
    thresholds = thresholds_of(model_name=settings.MODEL_NAME, version=answer.version)
    return read_verdict(probabilities, thresholds)


def new_record(
    *,
    reading: Reading,
    answer: Answer,
    latency_ms: float,
    instance: NDArray[np.float32],
    picture: bytes,
    ink: Ink | None,
    visitor: str,
) -> Record:
    """The record of one reading, not yet kept; its id is its instant."""
    record_id = new_record_id()
    seen = np.rint(np.clip(instance, 0, 1) * 255).astype(np.uint8)
    assert seen.shape == (INSTANCE_SIZE, INSTANCE_SIZE)  # noqa: S101
    return Record(
        id=record_id,
        predicted_at=instant_of(record_id),
        verdict=reading.verdict,
        digit=reading.digit,
        confidence=reading.confidence,
        probabilities=np.asarray(answer.probabilities, dtype=np.float64)[0].tolist(),
        model_name=settings.MODEL_NAME,
        model_version=answer.version,
        model_label=answer.label,
        latency_ms=latency_ms,
        visitor=visitor,
        instance=seen.tobytes(),
        picture=picture,
        ink=ink,
    )


def correct(record: Record, *, label: str, caller: Caller) -> Record:
    """Notes what was really drawn ("" takes it back) and gives the record as it is now.

    Raises:
        RecordNotFound, StoreUnavailable
    """
    at: datetime = timezone.now()
    store().correct(record.id, label=label, by=caller.name, at=at)
    record.corrected_label = label
    record.corrected_at = at if label else None
    record.corrected_by = caller.name if label else ""
    return record


def forget(record: Record) -> None:
    """Removes a record and its picture for good.

    Raises:
        StoreUnavailable
    """
    store().delete([record.id])
