"""Many drawings in one request: one call to the model, and an answer or error for each."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from serving.picture_files import read_picture_file
from serving.preprocessing import PictureError, decode_file, to_instance
from webui.errors import ApiError
from webui.recognition import services
from webui.recognition.answers import read_answer
from webui.recognition.error_handlers import picture_problem, store_problem
from webui.recognition.services import Prediction
from webui.recognition.submission import Submission
from webui.records.models import Record
from webui.records.store import StoreUnavailable
from webui.request_limits import MAX_BATCH_PIXELS
from webui.rollout.canary import label_for

Result = Prediction | ApiError


def recognise_batch(
    drawings: Sequence[Submission | ApiError], *, record_ids: Sequence[UUID], visitor: str
) -> list[Result]:
    """Predict and record each drawing; the result of each is in its place.

    Args:
        drawings: or what is wrong with them, which is their result.
        record_ids: of the record of each.
        visitor: the caller, as stored with the records.

    Raises:
        DecodingBusy, ServingError: nothing was recorded.
    """
    results: list[Result | None] = [None] * len(drawings)
    prepared: dict[int, tuple[NDArray[np.float32], bytes]] = {}
    for place, drawing in enumerate(drawings):
        if isinstance(drawing, ApiError):
            results[place] = drawing
            continue
        try:
            file = read_picture_file(drawing.picture)
            instance = to_instance(decode_file(file, max_pixels=MAX_BATCH_PIXELS))
            prepared[place] = instance, file.content
        except PictureError as error:
            results[place] = picture_problem(error)
    for record in _predict(drawings, prepared, record_ids, visitor):
        place = record_ids.index(record.id)
        try:
            results[place] = services.record_prediction(record)
        except StoreUnavailable as error:
            results[place] = store_problem(error)
    return [result for result in results if result is not None]


def _predict(
    drawings: Sequence[Submission | ApiError],
    prepared: dict[int, tuple[NDArray[np.float32], bytes]],
    record_ids: Sequence[UUID],
    visitor: str,
) -> list[Record]:
    """Return the records of the drawings that became instances, not yet stored."""
    if not prepared:
        return []
    instances = np.stack([instance for instance, _ in prepared.values()])
    answers, latency_ms = services.ask_model_of_many(instances, label=label_for(visitor))
    records = []
    for row, (place, (instance, content)) in enumerate(prepared.items()):
        answer = replace(answers, probabilities=answers.probabilities[row : row + 1])
        drawing = drawings[place]
        records.append(
            services.new_record(
                reading=read_answer(answer),
                answer=answer,
                latency_ms=latency_ms,
                instance=instance,
                picture=content,
                ink=drawing.ink if isinstance(drawing, Submission) else None,
                visitor=visitor,
                record_id=record_ids[place],
            )
        )
    return records
