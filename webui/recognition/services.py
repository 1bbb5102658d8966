"""The site's one service: a drawing comes in, a prediction goes out, and it is recorded."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
import structlog
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from serving.client import Answer
from serving.picture_files import read_picture_file
from serving.preprocessing import decode_file, to_instance
from serving.verdict import Reading
from webui.access.visitors import Caller
from webui.operations import metrics
from webui.recognition import shadow
from webui.recognition.answers import read_answer
from webui.recognition.submission import Ink
from webui.records.models import Record, instant_of, new_record_id
from webui.records.store import Recorded, RecordNotFound, store
from webui.rollout.canary import label_for
from webui.rollout.serving import serving_client

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A record as it was stored, and where it is."""

    record: Record
    recorded: Recorded


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    """Measure the block as a stage of a prediction, unless it raises."""
    started = time.perf_counter()
    yield
    metrics.STAGES.labels(stage).observe(time.perf_counter() - started)


def predict(
    *, picture: bytes, ink: Ink | None, visitor: str, record_id: UUID | None = None
) -> Record:
    """Predict the digit in a drawing, and return the record of it, which is not stored.

    Args:
        picture: PNG, JPEG or WebP, as it was sent; it is recorded without its metadata.
        ink: the pen's path, if the client sent it.
        visitor: the caller, as stored with the record.
        record_id: of the record, if it was chosen before.

    Raises:
        PictureError: the picture cannot be read, is too large or blank.
        DecodingBusy: it is large, and others are being decoded.
        ServingError: no model answers, or the answer is not probabilities.
    """
    with _timed("preprocess"):
        file = read_picture_file(picture)
        instance = to_instance(decode_file(file))
    with _timed("model"):
        answer, latency_ms = ask_model(instance, label=label_for(visitor))
    reading = read_answer(answer)
    return new_record(
        reading=reading, answer=answer, latency_ms=latency_ms, instance=instance,
        picture=file.content, ink=ink, visitor=visitor, record_id=record_id,
    )  # fmt: skip


def recognise(
    *, picture: bytes, ink: Ink | None, visitor: str, record_id: UUID | None = None
) -> Prediction:
    """Predict the digit in a drawing, and record the prediction before returning it.

    Args, raises: as `predict`; and StoreUnavailable if the prediction could not be recorded.
    """
    record = predict(picture=picture, ink=ink, visitor=visitor, record_id=record_id)
    return record_prediction(record)


def record_prediction(record: Record) -> Prediction:
    """Record a prediction, and count it.

    Raises:
        StoreUnavailable
    """
    with _timed("record"):
        recorded = store().append(record)
    metrics.PREDICTIONS.labels(
        record.verdict, str(record.model_version), record.model_label, recorded.value
    ).inc()
    logger.info(
        "predicted", record=str(record.id), verdict=record.verdict, version=record.model_version,
        label=record.model_label, latency_ms=round(record.latency_ms, 1), recorded=recorded.value,
    )  # fmt: skip
    shadow.offer(record)
    return Prediction(record=record, recorded=recorded)


def resume(record_id: UUID) -> Prediction | None:
    """Return the prediction that an interrupted request made; None if it made none.

    Raises:
        StoreUnavailable
    """
    try:
        record = store().get(record_id)
    except RecordNotFound:
        return None
    return Prediction(record=record, recorded=store().append(record))  # writing twice writes once


def ask_model(instance: NDArray[np.float32], *, label: str) -> tuple[Answer, float]:
    """Return the model's answer to one (28, 28) instance, and the milliseconds it took.

    Raises:
        ServingError
    """
    return ask_model_of_many(instance[np.newaxis], label=label)


def ask_model_of_many(instances: NDArray[np.float32], *, label: str) -> tuple[Answer, float]:
    """Return the model's answer to (n, 28, 28) instances, and the milliseconds it took.

    Raises:
        ServingError
    """
    started = time.perf_counter()
    answer = serving_client().predict(instances, label=label)
    return answer, (time.perf_counter() - started) * 1000


def new_record(
    *,
    reading: Reading,
    answer: Answer,
    latency_ms: float,
    instance: NDArray[np.float32],
    picture: bytes,
    ink: Ink | None,
    visitor: str,
    record_id: UUID | None = None,
) -> Record:
    """Return the record of one prediction, not yet stored; its id holds its time."""
    record_id = record_id or new_record_id()
    pixels = np.rint(np.clip(instance, 0, 1) * 255).astype(np.uint8)
    return Record(
        id=record_id,
        predicted_at=instant_of(record_id),
        verdict=reading.verdict,
        digit=reading.digit,
        confidence=reading.confidence,
        probabilities=answer.probabilities[0].tolist(),
        model_name=settings.MODEL_NAME,
        model_version=answer.version,
        model_label=answer.label,
        latency_ms=latency_ms,
        visitor=visitor,
        instance=pixels.tobytes(),
        picture=picture,
        ink=ink,
    )


def correct(record: Record, *, label: str, caller: Caller) -> Record:
    """Store what was really drawn ("" takes it back) and return the changed record.

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
    """Delete a record and its picture for good.

    Raises:
        StoreUnavailable
    """
    store().delete([record.id])
