"""Every error of the API: its status, its code, when it comes and what it says, for instance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webui.errors import GENERAL

REQUEST_ID = "7c7647c5-72a7-4971-9d4c-34962b00605f"  # of the examples


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The properties of an operation that decide which errors it has."""

    id: str
    path: str
    takes_drawings: bool = False

    @property
    def asks_model(self) -> bool:
        return self.takes_drawings or self.path.endswith("/explanation")


Condition = Callable[[Operation], bool]


def named(*ids: str) -> Condition:
    return lambda operation: operation.id in ids


def every(_operation: Operation) -> bool:
    return True


def one_picture(operation: Operation) -> bool:
    return operation.takes_drawings and operation.id != "predict_batch"


def one_prediction(operation: Operation) -> bool:
    return "{prediction_id}" in operation.path


def asks_model(operation: Operation) -> bool:
    return operation.asks_model


def no_other_input(operation: Operation) -> bool:
    """True for an operation whose parameters and body have no error of their own."""
    special = operation.id in ("correct", "list", "join_collection")
    return not operation.takes_drawings and not special


@dataclass(frozen=True, kw_only=True)
class ErrorKind:
    """One code.

    Attributes:
        when: the condition, a clause that follows "The answer if".
        message: what the answer says, in one of the cases.
        of: which of the operations that have the status answer so.
        retry: whether the answer always has Retry-After.
    """

    status: int
    code: str
    when: str
    message: str
    of: Condition = every
    retry: bool = False

    @property
    def example(self) -> dict[str, object]:
        return {
            "error": {"code": self.code, "message": self.message, "request_id": REQUEST_ID},
        }


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
        of=one_picture,
    ),
    ErrorKind(
        status=400,
        code="malformed_request",
        when="the body is not as described; the message says what is wrong",
        message='The body must be an object like {"drawings": [{"image": '
        '"data:image/png;base64,…"}, …]}.',
        of=named("predict_batch"),
    ),
    ErrorKind(
        status=400,
        code="malformed_request",
        when="the label is missing or is none of the labels",
        message='"label" must be 0 to 9, "not_a_digit" or null.',
        of=named("correct"),
    ),
    ErrorKind(
        status=400,
        code="malformed_request",
        when="a parameter is unknown or wrong; the message says what is right",
        message='"limit" must be the number of predictions on a page, 1 to 100.',
        of=named("list"),
    ),
    ErrorKind(
        status=400,
        code="malformed_request",
        when="the request cannot be read",
        message="The request could not be read.",
        of=no_other_input,
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
        of=one_prediction,
    ),
    ErrorKind(
        status=409,
        code="idempotency_key_reused",
        when="the Idempotency-Key was sent before, with another body",
        message="This Idempotency-Key was sent with another body; use a new key for another "
        "request.",
        of=named("predict"),
    ),
    ErrorKind(
        status=409,
        code="request_in_progress",
        when="a request with the same Idempotency-Key is being served; Retry-After says when to "
        "send it again",
        message="A request with this Idempotency-Key is being served; send it again in a moment.",
        of=named("predict"),
    ),
    ErrorKind(
        status=409,
        code="prediction_deleted",
        when="the prediction that the Idempotency-Key made was deleted",
        message="The prediction of this Idempotency-Key was deleted; use a new key to make "
        "another.",
        of=named("predict"),
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
        of=one_picture,
    ),
    ErrorKind(
        status=415,
        code="unsupported_media_type",
        when="Content-Type is none of those that are taken",
        message="Content-Type is text/plain; send a picture as image/png, image/jpeg, image/webp, "
        'or multipart/form-data with the field "image", or application/json with {"image": '
        '"data:image/png;base64,…"}.',
        of=one_picture,
    ),
    ErrorKind(
        status=415,
        code="unsupported_media_type",
        when="Content-Type is not application/json",
        message='Send application/json with {"drawings": [{"image": "data:image/png;base64,…"}, '
        "…]}.",
        of=named("predict_batch"),
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
        of=asks_model,
        retry=True,
    ),
    ErrorKind(
        status=503,
        code="model_answer_unusable",
        when="the model's answer cannot be used",
        message="The model did not give a usable answer, so nothing was recorded; try again.",
        of=asks_model,
        retry=True,
    ),
    ErrorKind(
        status=503,
        code="busy",
        when="other large pictures are being decoded",
        message="Several large pictures are being read just now, so nothing was recorded; try "
        "again, or send a smaller one (1,000 x 1,000 is plenty).",
        of=lambda operation: operation.takes_drawings,
        retry=True,
    ),
    ErrorKind(
        status=503,
        code="store_unavailable",
        when="records can be neither kept nor read",
        message="Records cannot be reached just now, so nothing was changed; please try again.",
        of=lambda operation: operation.id != "read_drawing",
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
