"""Requests and responses of the JSON API, from which its OpenAPI document is generated."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import numpy as np
from ninja import Field, Schema
from numpy.typing import NDArray
from pydantic import ConfigDict, field_validator

from serving.occlusion import STRIDE, WINDOW
from serving.preprocessing import INSTANCE_SIZE, instance_png
from serving.verdict import NOT_A_DIGIT, NOT_A_DIGIT_CLASS, Verdict
from webui.errors import ApiError
from webui.recognition import services
from webui.recognition.explanations import ClassMap, Explained
from webui.records.models import Record
from webui.records.store import Page, Recorded

MAP_DECIMALS = 5  # of a probability; a map is 12 KB then

Digit = Literal[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


class Model(Schema):
    name: str = Field(description="The model's name")
    version: int = Field(description="The version that answered")
    label: str = Field(description="The version label it was asked under: stable or canary")


class Identified(Schema):
    id: UUID = Field(description="A version-1 UUID that names the instant of the prediction")


class Reading(Schema):
    """A prediction that is not recorded."""

    predicted_at: datetime = Field(description="UTC")
    verdict: Verdict = Field(
        description="digit; unsure: a digit, but not likely enough; or not_a_digit"
    )
    digit: int | None = Field(
        ge=0, le=9, description="The likeliest digit, also when unsure; null when it is none"
    )
    confidence: float = Field(ge=0, le=1, description="The probability of what is predicted")
    probabilities: list[float] = Field(
        min_length=10, max_length=11, description='Of 0 to 9, then perhaps of "not a digit"'
    )
    model: Model = Field(description="What answered")
    instance: str = Field(description="What the model saw: a 28x28 PNG in base64, ink white")


class Prediction(Reading, Identified):
    """The fields of every prediction that is recorded."""


class PredictionRead(Prediction):
    """A prediction as it is kept."""

    correction: Digit | Literal["not_a_digit"] | None = Field(
        default=None, description="What was really drawn, if somebody said so"
    )


class PredictionPage(Schema):
    """Predictions, newest first, and the cursors of the pages beside this one."""

    predictions: list[PredictionRead] = Field(description="At most as many as the limit")
    older: UUID | None = Field(description="The next page: ?older=…; null on the last one")
    newer: UUID | None = Field(description="The page before: ?newer=…; null on the newest")


class PredictionMade(Prediction):
    """A prediction that was just made, and where its record is."""

    recorded: Literal["stored", "spooled"] = Field(
        description="stored; or spooled: kept here until Cassandra is back"
    )


class Problem(Schema):
    code: str = Field(description="A stable word for programs")
    message: str = Field(description="What is wrong and what would be right")


class BatchResult(Schema):
    """The answer to one drawing: a prediction, or an error with the status it would have alone."""

    status: int = Field(description="201, or as for a request of its own")
    prediction: PredictionMade | None = Field(default=None, description="null beside an error")
    error: Problem | None = Field(default=None, description="null beside a prediction")


class BatchMade(Schema):
    results: list[BatchResult] = Field(description="In the order of the drawings")


class Correction(Schema):
    model_config = ConfigDict(extra="forbid")

    # Strict, or `true` would be a 1.
    label: Annotated[int, Field(strict=True, ge=0, le=9)] | Literal["not_a_digit"] | None = Field(
        description="What was really drawn; null takes a correction back"
    )

    @field_validator("label", mode="before")
    @classmethod
    def _whole_number(cls, label: object) -> object:
        """Accept 5.0, which is the same number as 5 in JSON."""
        return int(label) if isinstance(label, float) and label.is_integer() else label


class Ink(Schema):
    ink: list[list[list[float]]] | None = Field(
        description="The pen's path, [[[x, y, t_ms], …], …]; null if none was sent"
    )


class ExplainedClass(Schema):
    """One reading of a drawing, and which ink speaks for it."""

    label: Digit | Literal["not_a_digit"]
    probability: float = Field(ge=0, le=1, description="Of this reading, with nothing covered")
    lowest: float = Field(ge=0, le=1, description="The least it falls to when a window is covered")
    highest: float = Field(ge=0, le=1, description="The most it rises to")
    map: list[list[float]] = Field(
        min_length=28,
        max_length=28,
        description="28 rows of 28: the probability that is lost, on average, when the pixel is "
        "covered; positive where the ink speaks for the reading, negative where against it",
    )


class Explanation(Schema):
    """Which ink decided a prediction: its occlusion map."""

    id: UUID = Field(description="Of the prediction")
    model: Model = Field(description="Which version was asked now")
    same_version: bool = Field(
        description="Whether it is the one that made the prediction; false when that is not "
        "served any more"
    )
    window: int = Field(description="Side of the square that is covered, in pixels")
    stride: int = Field(description="Pixels from one square to the next")
    answer: ExplainedClass
    runner_up: ExplainedClass = Field(description="The likeliest other reading")


# What each field of a request's body must be, for error messages.
VALID = {"label": '0 to 9, "not_a_digit" or null'}
EXAMPLE_CORRECTION = '{"label": 7}'


class ErrorDetail(Schema):
    code: str = Field(description="A stable word for programs")
    message: str = Field(description="What is wrong and what would be right")
    request_id: str = Field(description="Also in the header X-Request-ID and in the logs")


class Error(Schema):
    error: ErrorDetail


def correction_of(record: Record) -> int | str | None:
    """Return the corrected label as in the API: 0..9, "not_a_digit", or None."""
    text = record.corrected_label
    return int(text) if text.isdecimal() else text or None


def png_of(record: Record) -> str:
    """Return the record's instance as a 28x28 greyscale PNG in base64, ink white."""
    pixels = np.frombuffer(bytes(record.instance), dtype=np.uint8)
    instance: NDArray[np.float32] = pixels.astype(np.float32).reshape(INSTANCE_SIZE, INSTANCE_SIZE)
    return base64.b64encode(instance_png(instance / np.float32(255))).decode()


def prediction_read(record: Record) -> dict[str, object]:
    """Return a record as `PredictionRead`."""
    return {
        "id": record.id,
        "predicted_at": record.predicted_at,
        "verdict": record.verdict,
        "digit": record.digit,
        "confidence": record.confidence,
        "probabilities": record.probabilities,
        "model": {
            "name": record.model_name,
            "version": record.model_version,
            "label": record.model_label,
        },
        "instance": png_of(record),
        "correction": correction_of(record),
    }


def prediction_page(page: Page) -> dict[str, object]:
    """Return a page of records as `PredictionPage`."""
    return {
        "predictions": [prediction_read(record) for record in page.records],
        "older": page.older_than,
        "newer": page.newer_than,
    }


def explained(record: Record, explanation: Explained) -> dict[str, object]:
    """Return an explanation as `Explanation`."""
    answer, runner_up = (_explained_class(each) for each in explanation.classes)
    return {
        "id": record.id,
        "model": {
            "name": explanation.model_name,
            "version": explanation.version,
            "label": explanation.label,
        },
        "same_version": explanation.same_version,
        "window": WINDOW,
        "stride": STRIDE,
        "answer": answer,
        "runner_up": runner_up,
    }


def _explained_class(one: ClassMap) -> dict[str, object]:
    return {
        "label": NOT_A_DIGIT if one.index == NOT_A_DIGIT_CLASS else one.index,
        "probability": one.probability,
        "lowest": one.lowest,
        "highest": one.highest,
        "map": np.round(one.map, MAP_DECIMALS).tolist(),
    }


def prediction_made(record: Record, recorded: Recorded) -> dict[str, object]:
    """Return a record as `PredictionMade`."""
    made = prediction_read(record)
    del made["correction"]
    return {**made, "recorded": recorded.value}


def batch_made(results: Sequence[services.Prediction | ApiError]) -> dict[str, object]:
    """Return the results of a batch as `BatchMade`."""
    return {"results": [_batch_result(result) for result in results]}


def _batch_result(result: services.Prediction | ApiError) -> dict[str, object]:
    if isinstance(result, ApiError):
        problem = {"code": result.code, "message": result.message}
        return {"status": result.status, "prediction": None, "error": problem}
    made = prediction_made(result.record, result.recorded)
    return {"status": 201, "prediction": made, "error": None}


def reading(record: Record) -> dict[str, object]:
    """Return a record that is not stored as `Reading`."""
    read = prediction_read(record)
    del read["id"], read["correction"]
    return read
