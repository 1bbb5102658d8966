"""Prompted collection in the JSON API: parses requests, calls services, answers."""

import re

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language_from_request
from ninja import Path, Router, Status

from webui.access.visitors import identify, remember
from webui.collection import reference, schemas, services
from webui.collection.models import MOST_DRAWINGS
from webui.collection.selectors import progress_of
from webui.recognition.api import admit
from webui.recognition.openapi import ANYONE, COMMON, ERROR, SUBMISSION, UNCOUNTED
from webui.recognition.reference.document import DocumentedAPI
from webui.recognition.submission import json_body, malformed, read_submission

router = Router()
# JSON may also name half a character, a surrogate, which cannot be stored.
CODE = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{0,{schemas.MAX_CODE}}}")
NUMBER = Path(ge=0, lt=MOST_DRAWINGS, description="Of the prompt")  # type: ignore[type-arg]


def add_to(api: DocumentedAPI) -> None:
    """Add the operations to the site's API, and their errors and examples to its reference."""
    api.add_router("", router)
    api.describe(errors=reference.ERRORS, examples=reference.EXAMPLES)


@router.post(
    "/collection",
    response={201: schemas.Collection, 404: ERROR, 409: ERROR, 413: ERROR, **COMMON},
    summary="Take part in a collection",
    operation_id="join_collection",
    openapi_extra={"requestBody": schemas.JOIN, "security": ANYONE},
)
def join(request: HttpRequest, response: HttpResponse) -> Status[dict[str, object]]:
    """Begins to take part, after the text at /collect was read and agreed to."""
    caller = admit(request, action="change")
    code, consent = _read_join(request)
    participation = services.join(
        visitor=caller.visitor,
        code=code,
        consent_version=consent,
        language=get_language_from_request(request),  # that of /collect, which showed the text
    )
    remember(response, caller)
    return Status(201, schemas.collection(progress_of(participation)))


@router.get(
    "/collection",
    response={200: schemas.Collection, 404: ERROR, **UNCOUNTED},
    summary="What you take part in",
    operation_id="collection",
    openapi_extra={"security": ANYONE},
)
def read(request: HttpRequest) -> dict[str, object]:
    """The session, the progress, and the digit to draw next."""
    participation = services.participation_of(identify(request).visitor)
    return schemas.collection(progress_of(participation))


@router.delete(
    "/collection",
    response={204: None, 404: ERROR, **COMMON},
    summary="Leave, and delete your drawings",
    operation_id="leave_collection",
    openapi_extra={"security": ANYONE},
)
def leave(request: HttpRequest) -> Status[None]:
    """Deletes every drawing of this participation for good, and that you took part."""
    caller = admit(request, action="change")
    services.delete(services.participation_of(caller.visitor))
    return Status(204, None)


@router.post(
    "/collection/end",
    response={204: None, 404: ERROR, **COMMON},
    summary="End, and keep your drawings",
    operation_id="end_collection",
    openapi_extra={"security": ANYONE},
)
def end(request: HttpRequest) -> Status[None]:
    """Ends this participation, so that another person can take part with the same browser."""
    caller = admit(request, action="change")
    services.end(services.participation_of(caller.visitor))
    return Status(204, None)


@router.post(
    "/collection/drawings/{number}",
    response={
        201: schemas.Collection,
        404: ERROR,
        409: ERROR,
        413: ERROR,
        415: ERROR,
        422: ERROR,
        **COMMON,
    },
    summary="Draw what was asked for",
    operation_id="collect",
    openapi_extra={"requestBody": SUBMISSION, "security": ANYONE},
)
def draw(request: HttpRequest, number: int = NUMBER) -> Status[dict[str, object]]:
    """Records the drawing with the digit that was asked for; sent again, it is recorded once."""
    caller = admit(request, action="predict")
    participation = services.participation_of(caller.visitor)
    services.draw(participation, number=number, submission=read_submission(request))
    return Status(201, schemas.collection(progress_of(participation)))


@router.delete(
    "/collection/drawings/{number}",
    response={200: schemas.Collection, 404: ERROR, **COMMON},
    summary="Draw one again",
    operation_id="discard_drawing",
    openapi_extra={"security": ANYONE},
)
def discard(request: HttpRequest, number: int = NUMBER) -> dict[str, object]:
    """Deletes one drawing for good; its digit is asked for again."""
    caller = admit(request, action="change")
    participation = services.participation_of(caller.visitor)
    services.discard(participation, number=number)
    return schemas.collection(progress_of(participation))


def _read_join(request: HttpRequest) -> tuple[str, int]:
    """Return the code and the version of the text in the body.

    Raises:
        ApiError: 400, naming the field.
    """
    body = json_body(request)
    if not isinstance(body, dict) or not set(body) <= {"consent", "code"}:
        raise malformed(f"The body must be an object like {schemas.EXAMPLE_JOIN}.")
    consent, code = body.get("consent"), body.get("code", "")
    if type(consent) is not int:
        raise malformed('"consent" must be the version of the text that was agreed to, a number.')
    if not isinstance(code, str) or not CODE.fullmatch(code):
        raise malformed(
            f'"code" must be a text of at most {schemas.MAX_CODE} printable characters.'
        )
    return code, consent
