"""The answer of the JSON API to each exception that an operation raises."""

from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import (
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from serving.client import InstanceRefused, ServingError, ServingUnavailable
from serving.preprocessing import (
    BlankPicture,
    DecodingBusy,
    NotAPicture,
    PictureError,
    PictureTooLarge,
)
from webui.errors import RETRY_SECONDS, ApiError, ErrorResponse, general_error
from webui.recognition import schemas
from webui.recognition.answers import UnusableAnswer
from webui.records.store import RecordNotFound, StoreUnavailable

DECODING_SECONDS = 2.0  # about as long as the large pictures take that are before this one

logger = structlog.get_logger(__name__)


def on_api_error(request: HttpRequest, error: ApiError) -> HttpResponse:
    return ErrorResponse(request, error)


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


def on_validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Answer in the API's own words: the library's name its types and the parts of a union."""
    first = error.errors[0]
    location = [str(part) for part in first["loc"]]
    field = next((part for part in location if part in schemas.VALID), None)
    if first["type"] == "extra_forbidden":
        known = ", ".join(f'"{name}"' for name in schemas.VALID)
        message = f'The body has a field "{location[-1][:40]}"; there is {known}.'
    elif field is None:
        message = f"The body must be a JSON object like {schemas.EXAMPLE_CORRECTION}."
    elif first["type"] == "missing":
        message = f'"{field}" is missing; it must be {schemas.VALID[field]}.'
    else:
        message = f'"{field}" must be {schemas.VALID[field]}.'
    return ErrorResponse(request, ApiError(400, "malformed_request", message))


def on_unread_body(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer for a body that django-ninja cannot parse."""
    if error.status_code != 400:
        return ErrorResponse(request, general_error(error.status_code))
    message = f"The body is not JSON; send an object like {schemas.EXAMPLE_CORRECTION}."
    return ErrorResponse(request, ApiError(400, "malformed_request", message))


def picture_problem(error: PictureError) -> ApiError:
    """Return the answer to a picture that cannot become an instance."""
    match error:
        case PictureTooLarge():
            status, code = 413, "too_large"
        case BlankPicture():
            status, code = 422, "blank_picture"
        case NotAPicture():
            status, code = 415, "not_a_picture"
        case _:
            status, code = 400, "malformed_request"
    return ApiError(status, code, str(error))


def on_picture_error(request: HttpRequest, error: PictureError) -> HttpResponse:
    return ErrorResponse(request, picture_problem(error))


def on_decoding_busy(request: HttpRequest, _error: DecodingBusy) -> HttpResponse:
    message = (
        "Several large pictures are being read just now, so nothing was recorded; try again, or "
        "send a smaller one (1,000 x 1,000 is plenty)."
    )
    return ErrorResponse(request, ApiError(503, "busy", message, retry_after=DECODING_SECONDS))


def on_serving_error(request: HttpRequest, error: ServingError) -> HttpResponse:
    logger.error("model_did_not_answer", problem=str(error), kind=type(error).__name__)
    if isinstance(error, UnusableAnswer | InstanceRefused):
        code = "model_answer_unusable"
        message = "The model did not give a usable answer, so nothing was recorded; try again."
    else:
        code = "model_unavailable"
        message = "No model answers just now, so nothing was recorded; please try again."
    wait = error.retry_after if isinstance(error, ServingUnavailable) else RETRY_SECONDS
    return ErrorResponse(request, ApiError(503, code, message, retry_after=wait))


def store_problem(error: StoreUnavailable) -> ApiError:
    """Return, and log, the answer when a store does not take or give a record."""
    logger.error("store_unavailable", problem=str(error))
    message = "Records cannot be reached just now, so nothing was changed; please try again."
    return ApiError(503, "store_unavailable", message, retry_after=RETRY_SECONDS)


def on_store_unavailable(request: HttpRequest, error: StoreUnavailable) -> HttpResponse:
    return ErrorResponse(request, store_problem(error))


def on_record_not_found(request: HttpRequest, _error: RecordNotFound) -> HttpResponse:
    """Answer for a record that was deleted after it was looked up."""
    return ErrorResponse(
        request, ApiError(404, "not_found", "There is no prediction of yours with this id.")
    )


HANDLERS: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    ApiError: on_api_error,
    SuspiciousOperation: on_refused_by_django,
    ValidationError: on_validation_error,
    HttpError: on_unread_body,
    PictureError: on_picture_error,
    DecodingBusy: on_decoding_busy,
    ServingError: on_serving_error,
    StoreUnavailable: on_store_unavailable,
    RecordNotFound: on_record_not_found,
}


def add_error_handlers(api: NinjaAPI) -> None:
    for exception, handler in HANDLERS.items():
        api.add_exception_handler(exception, handler)
