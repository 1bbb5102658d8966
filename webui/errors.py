"""The one form of every error under /api/: a code for programs, a sentence for people, an id."""

import math
from http import HTTPStatus

from django.http import HttpRequest, JsonResponse

RETRY_SECONDS = 5  # about as long as a model server or a store takes to restart

# Code and message of an error that has none of its own (from the router, middleware or Django).
GENERAL: dict[int, tuple[str, str]] = {
    400: ("malformed_request", "The request could not be read."),
    401: ("bad_api_key", "The API key is unknown or revoked."),
    403: ("forbidden", "The request was refused."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    408: ("timeout", "The request did not arrive in time."),
    413: ("too_large", "The request is too large."),
    415: ("unsupported_media_type", "Content of that type is not taken here."),
    414: ("address_too_long", "The address is too long."),
    417: ("expectation_failed", "Expect may be 100-continue and nothing else."),
    431: ("headers_too_large", "The headers are too large."),
    500: ("internal_error", "Something went wrong on our side; the id finds it in our logs."),
    501: ("not_implemented", "Bodies may be sent in chunks, and without another coding."),
    503: ("unavailable", "That is not available just now; please try again."),
}


class ApiError(Exception):
    """An error with which the API answers a request.

    Args:
        status: HTTP status.
        code: a stable snake_case word that programs compare.
        message: what is wrong and what would be right, for people.
        retry_after: seconds after which another request may succeed (429, 503).
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


def general_error(status: int) -> ApiError:
    """Return the error for a status that came without code and message."""
    code, message = GENERAL.get(status, ("error", f"{HTTPStatus(status).phrase}."))
    return ApiError(status, code, message, retry_after=RETRY_SECONDS if status == 503 else None)


class ErrorResponse(JsonResponse):
    """An error as JSON."""

    def __init__(self, request: HttpRequest, error: ApiError) -> None:
        document = {
            "code": error.code,
            "message": error.message,
            "request_id": request.META.get("HTTP_X_REQUEST_ID", ""),  # by RequestIdMiddleware
        }
        super().__init__({"error": document}, status=error.status)
        self.code = error.code
        self["Cache-Control"] = "no-store"
        if error.status == 401:
            self["WWW-Authenticate"] = 'Bearer realm="Drawn digits", error="invalid_token"'
        if error.retry_after is not None:
            self["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
