"""The one shape of every error under /api/: a code for programs, a sentence for people, an id."""

import math
from http import HTTPStatus

from django.http import HttpRequest, JsonResponse

# What is answered where an error carries no words of its own (router, middleware, Django).
GENERAL: dict[int, tuple[str, str]] = {
    400: ("malformed_request", "The request could not be read."),
    401: ("bad_api_key", "The API key is unknown or revoked."),
    403: ("forbidden", "The request was refused."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("too_large", "The request is too large."),
    415: ("unsupported_media_type", "Content of that type is not taken here."),
    500: ("internal_error", "Something went wrong on our side; the id finds it in our logs."),
    503: ("unavailable", "That is not available just now; please try again."),
}


class ApiError(Exception):
    """What a request is answered with instead of what it asked for.

    Args:
        status: HTTP status.
        code: a stable snake_case word that programs compare.
        message: what is wrong and what would be right, for people.
        retry_after: seconds after which asking again makes sense (429, 503).
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


def error_response(request: HttpRequest, error: ApiError) -> JsonResponse:
    """The error as JSON, marked so that no middleware words it again."""
    body = {
        "error": {
            "code": error.code,
            "message": error.message,
            "request_id": getattr(request, "request_id", ""),
        }
    }
    response = JsonResponse(body, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    response["Cache-Control"] = "no-store"
    response.api_error_code = error.code  # type: ignore[attr-defined]
    return response


def general_error(status: int) -> ApiError:
    """The words for a status that came without any."""
    code, message = GENERAL.get(status, ("error", f"{HTTPStatus(status).phrase}."))
    return ApiError(status, code, message, retry_after=5 if status == 503 else None)
