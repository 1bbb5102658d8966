"""What can go wrong, in TensorFlow's own codes, and how each code looks over HTTP.

TensorFlow Serving answers every failure with an absl status; the code decides the HTTP
status, the message is the whole body. This module is the only place that knows the pairing.
"""

from enum import IntEnum

import tensorflow as tf


class Code(IntEnum):
    """absl::StatusCode; the names appear in status documents and metrics."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


# http_server.cc, ToHTTPStatusCode
HTTP_STATUS: dict[Code, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}


class StatusError(Exception):
    """A failed status. Bytes that are not UTF-8 travel in `message` as surrogate escapes."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        """As absl prints it inside another message: `INVALID_ARGUMENT: the message`."""
        return f"{self.code.name}: {self.message}"


def invalid_argument(message: str) -> StatusError:
    return StatusError(Code.INVALID_ARGUMENT, message)


def failed_precondition(message: str) -> StatusError:
    return StatusError(Code.FAILED_PRECONDITION, message)


def not_found(message: str) -> StatusError:
    return StatusError(Code.NOT_FOUND, message)


def from_exception(error: BaseException) -> StatusError:
    """The status of whatever TensorFlow raised, its own message kept."""
    if isinstance(error, StatusError):
        return error
    if isinstance(error, tf.errors.OpError):
        return StatusError(Code(error.error_code), str(error.message))
    if isinstance(error, OSError):
        return StatusError(Code.INTERNAL, str(error))
    if isinstance(error, MemoryError):
        return StatusError(Code.RESOURCE_EXHAUSTED, "out of memory")
    if isinstance(error, (ValueError, TypeError)):
        # The Python binding refuses a feed or a graph before the runtime sees it.
        return StatusError(Code.INVALID_ARGUMENT, str(error))
    return StatusError(Code.INTERNAL, f"{type(error).__name__}: {error}")
