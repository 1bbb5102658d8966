"""Answers to requests that do not reach Django, in the form of the API's errors."""

import json
import uuid
from http import HTTPStatus

from gunicorn.http import errors as http_errors
from prometheus_client import Counter

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
# What is wrong with a request, and what would be right, by gunicorn's class. "%s" is what the
# client sent.
CHUNKS = "The body is not in well-formed chunks (RFC 9112, section 7.1)."
WORDS: dict[type[Exception], tuple[str, str]] = {
    http_errors.InvalidRequestLine: (
        'The first line is %s; it must be like "GET /api/v1/predictions HTTP/1.1".',
        "req",
    ),
    http_errors.InvalidRequestMethod: (
        "%s is not a method; methods are words in capitals, like GET.",
        "method",
    ),
    http_errors.InvalidHTTPVersion: ("Send the request in HTTP/1.1 or HTTP/1.0.", ""),
    http_errors.InvalidHeader: (
        "The header %s has a value that it cannot have, or is given twice.",
        "hdr",
    ),
    http_errors.InvalidHeaderName: ("%s is not a name that a header can have.", "hdr"),
    http_errors.ObsoleteFolding: ("The header %s goes on in a second line; send it in one.", "hdr"),
    http_errors.InvalidChunkSize: (CHUNKS, ""),
    http_errors.ChunkMissingTerminator: (CHUNKS, ""),
    http_errors.InvalidChunkExtension: (CHUNKS, ""),
    http_errors.LimitRequestLine: ("The address has more than 4,094 bytes.", ""),
    http_errors.LimitRequestHeaders: (
        "There are more than 60 headers, or more than 64 KB of them.",
        "",
    ),
}
REFUSALS = Counter(
    "digits_http_refusals",
    "Requests that were refused before they reached the site",
    ("status", "code"),
)
MAX_DETAIL = 80  # characters of a client's own text that are sent back


def refusal(problem: Exception) -> ApiError:
    """Return the error for an exception of gunicorn's parser, or of anything else: 500."""
    if not isinstance(problem, http_errors.ParseException):
        return general_error(500)
    error = general_error(STATUSES.get(type(problem), 400))
    words, sent = WORDS.get(type(problem), (error.message, ""))
    error.message = words % _quoted(getattr(problem, sent)) if sent else words
    return error


def _quoted(sent: object) -> str:
    """Return a client's text in quotation marks, shortened, as visible ASCII."""
    text = sent.decode("latin-1") if isinstance(sent, bytes) else str(sent)
    return ascii(text[:MAX_DETAIL])


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
