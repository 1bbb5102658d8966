"""Errors and an example of prompted collection, for the API's reference."""

from collections.abc import Sequence
from typing import Any

from webui.collection.consent import CURRENT
from webui.recognition.reference.errors import ErrorKind, Operation, named

# Of those that somebody must have joined before.
TAKING_PART = ("collection", "leave_collection", "end_collection", "collect", "discard_drawing")


def _takes_part(operation: Operation) -> bool:
    return operation.id in TAKING_PART


ERRORS: Sequence[ErrorKind] = (
    ErrorKind(
        status=400,
        code="malformed_request",
        when="the body is not as described; the message says what is wrong",
        message='"consent" must be the version of the text that was agreed to, a number.',
        of=named("join_collection"),
    ),
    ErrorKind(
        status=404,
        code="unknown_code",
        when="there is no open session with this code",
        message="There is no open session with this code; ask whoever gave it to you.",
        of=named("join_collection"),
    ),
    ErrorKind(
        status=404,
        code="not_taking_part",
        when="the caller takes part in no collection",
        message="You take part in no collection; agree to its text first.",
        of=_takes_part,
    ),
    ErrorKind(
        status=404,
        code="not_found",
        when="fewer drawings are asked for",
        message="You are asked for 20 drawings, from 0 on.",
        of=named("collect"),
    ),
    ErrorKind(
        status=409,
        code="consent_changed",
        when="there is a newer version of the text",
        message=f"The text that you agree to is now version {CURRENT.version}; read it again.",
        of=named("join_collection"),
    ),
    ErrorKind(
        status=409,
        code="session_closed",
        when="staff have closed the session",
        message="This session is closed; thank you for drawing.",
        of=named("collect"),
    ),
    ErrorKind(
        status=409,
        code="not_taking_part",
        when="the drawings were deleted meanwhile",
        message="Your drawings were deleted meanwhile; begin again.",
        of=named("collect"),
    ),
)
EXAMPLES: dict[str, Any] = {
    "Collection": {
        "session": "class-4b",
        "title": "Class 4b",
        "writer": "8d0f2c6b1e9a4735a1c2f0d4e6b89375",
        "drawn": 4,
        "wanted": 20,
        "prompt": {"number": 4, "digit": 7},
        "last": 3,
    }
}
