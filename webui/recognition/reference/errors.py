"""Every error of the API: its status, its code, when it comes and what it says, for instance."""

from collections.abc import Sequence
from dataclasses import dataclass

from webui.errors import GENERAL

REQUEST_ID = "7c7647c5-72a7-4971-9d4c-34962b00605f"  # of the examples
PICTURES = frozenset({"predict", "read_drawing"})
# These ask no model; an operation that is added is taken to ask one.
STORE_ONLY = frozenset({"list", "read", "picture", "ink", "delete", "correct"})


@dataclass(frozen=True, kw_only=True)
class ErrorKind:
    """One code.

    Attributes:
        when: the condition, a clause that follows "The answer if".
        message: what the answer says, in one of the cases.
        only: the ids of the operations that answer so; None for all with this status.
        never: the ids of operations that do not.
        retry: whether the answer always has Retry-After.
    """

    status: int
    code: str
    when: str
    message: str
    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()
    retry: bool = False

    @property
    def example(self) -> dict[str, object]:
        return {
            "error": {"code": self.code, "message": self.message, "request_id": REQUEST_ID},
        }

    def is_answered_by(self, operation_id: str) -> bool:
        return operation_id not in self.never and (self.only is None or operation_id in self.only)


def _general(status: int, when: str, *, retry: bool = False) -> ErrorKind:
    code, message = GENERAL[status]
    return ErrorKind(status=status, code=code, when=when, message=message, retry=retry)


# What an operation answers itself.
ERRORS: Sequence[ErrorKind] = (
    ErrorKind(
        status=400,
        code="malformed_request",
        when="a parameter, header or body is missing or wrong; the message names it",
        message='The file field "image" is missing.',
        only=PICTURES,
    ),
    ErrorKind(
        status=400,
        code="malformed_request",
        when="the body is not as described; the message says what is wrong",
        message='The body must be an object like {"drawings": [{"image": '
        '"data:image/png;base64,…"}, …]}.',
        only=frozenset({"predict_batch"}),
    ),
    ErrorKind(
        status=400,
        code="malformed_request",
        when="the label is missing or is none of the labels",
        message='"label" must be 0 to 9, "not_a_digit" or null.',
        only=frozenset({"correct"}),
    ),
    ErrorKind(
        status=400,
        code="malformed_request",
        when="a parameter is unknown or wrong; the message says what is right",
        message='"limit" must be the number of predictions on a page, 1 to 100.',
        only=frozenset({"list"}),
    ),
    ErrorKind(
        status=400,
        code="malformed_request",
        when="the request cannot be read",
        message="The request could not be read.",
        never=PICTURES | {"predict_batch", "correct", "list"},
    ),
    _general(401, "the API key is unknown or revoked, or Authorization is not a bearer key"),
    ErrorKind(
        status=403,
        code="cross_site",
        when="a page of another site made the request",
        message="Requests that other sites' pages make are refused.",
    ),
    ErrorKind(
        status=403,
        code="csrf_failed",
        when="the request has this site's cookies, and no X-CSRFToken that repeats csrftoken",
        message="X-CSRFToken must repeat the cookie csrftoken; reload the page, then try again. "
        "Programs use an API key, or leave out the page's cookies.",
    ),
    ErrorKind(
        status=404,
        code="not_found",
        when="there is no such prediction, or it is somebody else's",
        message="There is no prediction of yours with this id.",
    ),
    ErrorKind(
        status=409,
        code="idempotency_key_reused",
        when="the Idempotency-Key was sent before, with another body",
        message="This Idempotency-Key was sent with another body; use a new key for another "
        "request.",
    ),
    ErrorKind(
        status=409,
        code="request_in_progress",
        when="a request with the same Idempotency-Key is being served; Retry-After says when to "
        "send it again",
        message="A request with this Idempotency-Key is being served; send it again in a moment.",
    ),
    ErrorKind(
        status=409,
        code="prediction_deleted",
        when="the prediction that the Idempotency-Key made was deleted",
        message="The prediction of this Idempotency-Key was deleted; use a new key to make "
        "another.",
    ),
    ErrorKind(
        status=413,
        code="too_large",
        when="the request has more than 8 MB, a picture more than 5 MB or too many pixels, or a "
        "batch more than 64 drawings",
        message="The request may have 8 MB at most; send a smaller picture.",
    ),
    ErrorKind(
        status=415,
        code="not_a_picture",
        when="the bytes are not a PNG, JPEG or WebP that can be read",
        message="The bytes are not a picture that can be read; send a complete PNG, JPEG or WebP "
        "file.",
        only=PICTURES,
    ),
    ErrorKind(
        status=415,
        code="unsupported_media_type",
        when="Content-Type is none of those that are taken",
        message="Content-Type is text/plain; send a picture as image/png, image/jpeg, image/webp, "
        'or multipart/form-data with the field "image", or application/json with {"image": '
        '"data:image/png;base64,…"}.',
        only=PICTURES,
    ),
    ErrorKind(
        status=415,
        code="unsupported_media_type",
        when="Content-Type is not application/json",
        message='Send application/json with {"drawings": [{"image": "data:image/png;base64,…"}, '
        "…]}.",
        only=frozenset({"predict_batch"}),
    ),
    ErrorKind(
        status=422,
        code="blank_picture",
        when="there is no ink on the picture",
        message="The picture is blank: there is no ink on it. Draw a digit from 0 to 9.",
    ),
    ErrorKind(
        status=429,
        code="rate_limited",
        when="the rate is used up; Retry-After says when the request would be served",
        message="That was more than 120 requests a minute; please wait 1 s.",
        retry=True,
    ),
    _general(500, "the site has a fault; its log has the request id"),
    ErrorKind(
        status=503,
        code="model_unavailable",
        when="no model answers",
        message="No model answers just now, so nothing was recorded; please try again.",
        never=STORE_ONLY,
        retry=True,
    ),
    ErrorKind(
        status=503,
        code="model_answer_unusable",
        when="the model's answer cannot be used",
        message="The model did not give a usable answer, so nothing was recorded; try again.",
        never=STORE_ONLY,
        retry=True,
    ),
    ErrorKind(
        status=503,
        code="busy",
        when="other large pictures are being decoded",
        message="Several large pictures are being read just now, so nothing was recorded; try "
        "again, or send a smaller one (1,000 x 1,000 is plenty).",
        never=STORE_ONLY,
        retry=True,
    ),
    ErrorKind(
        status=503,
        code="store_unavailable",
        when="records can be neither kept nor read",
        message="Records cannot be reached just now, so nothing was changed; please try again.",
        never=frozenset({"read_drawing"}),
        retry=True,
    ),
    _general(503, "the site is overloaded or its database is away", retry=True),
)

# What the server answers before an operation sees the request.
SERVER_ERRORS: Sequence[ErrorKind] = (
    _general(408, "the request did not arrive in time"),
    _general(414, "the address has more than 4,094 bytes"),
    _general(417, "Expect asks for something other than 100-continue"),
    _general(431, "there are more than 60 headers, or more than 64 KB of them"),
    _general(501, "the body has a transfer coding other than chunks"),
)


def errors_of(operation_id: str, status: int) -> list[ErrorKind]:
    """Return the errors of an operation with this status, in the order of the list."""
    return [
        error for error in ERRORS if error.status == status and error.is_answered_by(operation_id)
    ]
