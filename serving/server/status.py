"""TensorFlow's status codes, their exception, and the HTTP status of each code.

TensorFlow Serving reports every failure as an absl status: the code determines the HTTP
status, and the message is the body.
"""

from enum import IntEnum

import tensorflow as tf


class Code(IntEnum):
    """absl::StatusCode. The names appear in status documents and metrics."""

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


# http_server.cc, ToHTTPStatusCode; all other codes are 500
HTTP_STATUS: dict[Code, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
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
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}


class StatusError(Exception):
    """A status other than OK. `message` holds bytes that are not UTF-8 as surrogate escapes."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        """Format the status as absl does within another message: `INVALID_ARGUMENT: message`."""
        return f"{self.code.name}: {self.message}"


def invalid_argument(message: str) -> StatusError:
    return StatusError(Code.INVALID_ARGUMENT, message)


def failed_precondition(message: str) -> StatusError:
    return StatusError(Code.FAILED_PRECONDITION, message)


def not_found(message: str) -> StatusError:
    return StatusError(Code.NOT_FOUND, message)


def from_exception(error: BaseException) -> StatusError:
    """Return the status for an exception of TensorFlow or Python, with its message."""
    if isinstance(error, StatusError):
        return error
    if isinstance(error, tf.errors.OpError):
        return StatusError(Code(error.error_code), str(error.message))
    if isinstance(error, OSError):
        return StatusError(Code.INTERNAL, str(error))
    if isinstance(error, MemoryError):
        return StatusError(Code.RESOURCE_EXHAUSTED, "out of memory")
    if isinstance(error, (ValueError, TypeError)):
        # TensorFlow's Python code raises these for a feed or a graph that is not valid.
        return StatusError(Code.INVALID_ARGUMENT, str(error))
    return StatusError(Code.INTERNAL, f"{type(error).__name__}: {error}")
