"""Answers to requests that do not reach Django, in the form of the API's errors."""

import json
import uuid
from http import HTTPStatus

from gunicorn.http import errors as http_errors

from webui.errors import ApiError, general_error

# gunicorn's classes of bad requests that have another status than 400.
STATUSES: dict[type[Exception], int] = {
    http_errors.LimitRequestLine: 414,
    http_errors.LimitRequestHeaders: 431,
    http_errors.ExpectationFailed: 417,
    http_errors.ForbiddenProxyRequest: 403,
    http_errors.UnsupportedTransferCoding: 501,
    http_errors.ConfigurationProblem: 500,
    http_errors.InvalidResponseHeader: 500,
    http_errors.InvalidResponseHeaderName: 500,
}
MAX_DETAIL = 200  # characters of a client's own text that are sent back


def refusal(problem: Exception) -> ApiError:
    """Return the error for an exception of gunicorn's parser, or of anything else: 500."""
    if not isinstance(problem, http_errors.ParseException):
        return general_error(500)
    status = next((code for kind, code in STATUSES.items() if type(problem) is kind), 400)
    error = general_error(status)
    if status in (400, 414, 417, 431, 501):
        error.message = f"{str(problem)[:MAX_DETAIL].rstrip('.')}."
    return error


def response(error: ApiError, request_id: str) -> bytes:
    """Return a whole HTTP response, after which the connection is closed."""
    document = {"code": error.code, "message": error.message, "request_id": request_id}
    body = json.dumps({"error": document}).encode()
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Request-ID": request_id,
    }
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def new_request_id() -> str:
    return str(uuid.uuid4())
