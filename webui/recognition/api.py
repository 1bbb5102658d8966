"""The JSON API, as described in docs/api.md: parses requests, calls services, answers errors."""

from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import (
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Status
from ninja.errors import ValidationError

from serving.client import InstanceRefused, ServingError, ServingUnavailable
from serving.preprocessing import BlankPicture, NotAPicture, PictureError, PictureTooLarge
from webui.access.cross_site import refuse_cross_site
from webui.access.rate_limits import charge
from webui.access.visitors import COOKIE, Caller, identify, remember
from webui.errors import ApiError, ErrorResponse, general_error
from webui.recognition import schemas, services
from webui.recognition.selectors import callers_record
from webui.recognition.submission import read_submission
from webui.records.store import RecordNotFound, StoreUnavailable
from webui.request_limits import MAX_COORDINATE, MAX_STROKES

RETRY_SECONDS = 5.0  # about as long as a model server or a store takes to restart

logger = structlog.get_logger(__name__)

api = NinjaAPI(
    title="Drawn digits",
    version="1",
    urls_namespace="api",
    description="Send a drawing of a digit; get what a model reads in it. Each answer is recorded.",
    docs_url=None,  # django-ninja's viewer loads scripts from other hosts
    openapi_extra={
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer"},
                "visitor": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            }
        }
    },
)

ERROR = schemas.Error
COMMON: dict[int, Any] = {400: ERROR, 401: ERROR, 403: ERROR, 429: ERROR, 500: ERROR, 503: ERROR}
EITHER: list[dict[str, list[str]]] = [{"visitor": []}, {"apiKey": []}]
ANYONE: list[dict[str, list[str]]] = [{}, *EITHER]
SUBMISSION = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["image"],
                "properties": {
                    "image": {
                        "type": "string",
                        "format": "binary",
                        "description": "PNG, JPEG or WebP; dark on light or light on dark",
                    },
                    "ink": {
                        "type": "string",
                        "description": "The pen's path as JSON: [[[x, y, t_ms], …], …]",
                    },
                },
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["image"],
                "properties": {
                    "image": {"type": "string", "description": "data:image/png;base64,…"},
                    "ink": {
                        "type": ["array", "null"],
                        "maxItems": MAX_STROKES,
                        "items": {
                            "type": "array",
                            "items": {
                                "type": "array",
                                "minItems": 3,
                                "maxItems": 3,
                                "items": {
                                    "type": "number",
                                    "minimum": -MAX_COORDINATE,
                                    "maximum": MAX_COORDINATE,
                                },
                            },
                        },
                    },
                },
            }
        },
    },
}


def admit(request: HttpRequest, *, action: str) -> Caller:
    """Return the caller of a request that changes something, after the checks of all of these."""
    caller = identify(request)
    if caller.key is None:
        refuse_cross_site(request)
    charge(request, caller, action=action)
    return caller


@api.post(
    "/predictions",
    response={201: schemas.PredictionMade, 413: ERROR, 415: ERROR, 422: ERROR, **COMMON},
    summary="Read a drawing",
    operation_id="predict",
    url_name="predictions",
    openapi_extra={"requestBody": SUBMISSION, "security": ANYONE},
)
def predict(request: HttpRequest, response: HttpResponse) -> Status[dict[str, object]]:
    """Recognises the digit in a picture, and records the prediction before answering."""
    caller = admit(request, action="predict")
    submission = read_submission(request)
    prediction = services.recognise(
        picture=submission.picture, ink=submission.ink, visitor=caller.visitor
    )
    remember(response, caller)
    response["Location"] = f"{request.path}/{prediction.record.id}"
    response["Cache-Control"] = "no-store"
    return Status(201, schemas.prediction_made(prediction.record, prediction.recorded))


@api.get(
    "/predictions/{uuid:prediction_id}",
    response={200: schemas.PredictionRead, 404: ERROR, **COMMON},
    summary="Read a prediction again",
    operation_id="read",
    url_name="prediction",
    openapi_extra={"security": ANYONE},
)
def read(request: HttpRequest, response: HttpResponse, prediction_id: UUID) -> dict[str, object]:
    """The prediction, for the visitor whose drawing it is or for an API key."""
    record = callers_record(prediction_id, identify(request))
    response["Cache-Control"] = "no-store"
    return schemas.prediction_read(record)


@api.delete(
    "/predictions/{uuid:prediction_id}",
    response={204: None, 404: ERROR, **COMMON},
    summary="Delete a drawing and its prediction",
    operation_id="delete",
    openapi_extra={"security": ANYONE},
)
def delete(request: HttpRequest, prediction_id: UUID) -> Status[None]:
    """Removes the record and the picture for good."""
    caller = admit(request, action="change")
    services.forget(callers_record(prediction_id, caller))
    return Status(204, None)


@api.post(
    "/predictions/{uuid:prediction_id}/correction",
    response={200: schemas.PredictionRead, 404: ERROR, **COMMON},
    summary="Say what was really drawn",
    operation_id="correct",
    openapi_extra={"security": ANYONE},
)
def correct(
    request: HttpRequest, prediction_id: UUID, correction: schemas.Correction
) -> dict[str, object]:
    """Notes the right label beside the prediction; null takes it back."""
    caller = admit(request, action="change")
    record = callers_record(prediction_id, caller)
    label = "" if correction.label is None else str(correction.label)
    return schemas.prediction_read(services.correct(record, label=label, caller=caller))


@api.exception_handler(ApiError)
def on_api_error(request: HttpRequest, error: ApiError) -> HttpResponse:
    return ErrorResponse(request, error)


@api.exception_handler(SuspiciousOperation)
def on_refused_by_django(request: HttpRequest, refused: SuspiciousOperation) -> HttpResponse:
    """Answer for a form that Django refuses to read; its own handling would log a traceback."""
    match refused:
        case TooManyFieldsSent():
            too_many = f"{settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields"
        case TooManyFilesSent():
            too_many = f"{settings.DATA_UPLOAD_MAX_NUMBER_FILES} files"
        case _:
            return ErrorResponse(request, general_error(400))
    message = f'The form has more than {too_many}; send "image" and perhaps "ink".'
    return ErrorResponse(request, ApiError(400, "malformed_request", message))


@api.exception_handler(ValidationError)
def on_validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    where = ".".join(str(part) for part in first["loc"][1:] if part != "correction") or "the body"
    return ErrorResponse(request, ApiError(400, "malformed_request", f"{where}: {first['msg']}."))


@api.exception_handler(PictureError)
def on_picture_error(request: HttpRequest, error: PictureError) -> HttpResponse:
    match error:
        case PictureTooLarge():
            status, code = 413, "too_large"
        case BlankPicture():
            status, code = 422, "blank_picture"
        case NotAPicture():
            status, code = 415, "not_a_picture"
        case _:
            status, code = 400, "malformed_request"
    return ErrorResponse(request, ApiError(status, code, str(error)))


@api.exception_handler(ServingError)
def on_serving_error(request: HttpRequest, error: ServingError) -> HttpResponse:
    logger.error("model_did_not_answer", problem=str(error), kind=type(error).__name__)
    if isinstance(error, services.UnusableAnswer | InstanceRefused):
        code = "model_answer_unusable"
        message = "The model did not give a usable answer, so nothing was recorded; try again."
    else:
        code = "model_unavailable"
        message = "No model answers just now, so nothing was recorded; please try again."
    wait = error.retry_after if isinstance(error, ServingUnavailable) else RETRY_SECONDS
    return ErrorResponse(request, ApiError(503, code, message, retry_after=wait))


@api.exception_handler(StoreUnavailable)
def on_store_unavailable(request: HttpRequest, error: StoreUnavailable) -> HttpResponse:
    logger.error("store_unavailable", problem=str(error))
    message = "Records cannot be reached just now, so nothing was changed; please try again."
    return ErrorResponse(
        request, ApiError(503, "store_unavailable", message, retry_after=RETRY_SECONDS)
    )


@api.exception_handler(RecordNotFound)
def on_record_not_found(request: HttpRequest, _error: RecordNotFound) -> HttpResponse:
    """Answer for a record that was deleted after it was looked up."""
    return ErrorResponse(
        request, ApiError(404, "not_found", "There is no prediction of yours with this id.")
    )
