"""Parsing of a request to predict: a picture and perhaps its ink, as a form or as JSON."""

import base64
import binascii
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDictKeyError

from webui.errors import ApiError
from webui.request_limits import (
    LARGE_BODY_BYTES,
    MAX_BATCH,
    MAX_COORDINATE,
    MAX_JSON_VALUES,
    MAX_PICTURE_BYTES,
    MAX_POINTS,
    MAX_STROKES,
)

DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII)

PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp")
LARGE_BODIES = threading.RLock()

Ink = list[list[list[float]]]  # strokes of points of x, y, milliseconds since the first point


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A picture as it was sent, and the pen's path if there is one."""

    picture: bytes
    ink: Ink | None


EXAMPLE_BATCH = '{"drawings": [{"image": "data:image/png;base64,…"}, …]}'


def malformed(message: str) -> ApiError:
    return ApiError(400, "malformed_request", message)


def read_submission(request: HttpRequest) -> Submission:
    """Return the picture and ink of a request.

    Raises:
        ApiError: 400 if a field is missing or malformed, 413 if the picture is too large, 415 if
            the body is neither a form nor JSON.
    """
    with _one_large_body_at_a_time(request):
        if request.content_type == "multipart/form-data":
            return _from_form(request)
        if request.content_type == "application/json":
            return _from_json(request)
        if request.content_type in PICTURE_TYPES:
            return _from_bytes(request)
    raise ApiError(
        415,
        "unsupported_media_type",
        f"Content-Type is {(request.content_type or '')[:100] or 'missing'}; send a picture as "
        f"{', '.join(PICTURE_TYPES)}, or multipart/form-data with the field "
        '"image", or application/json with {"image": "data:image/png;base64,…"}.',
    )


@contextmanager
def _one_large_body_at_a_time(request: HttpRequest) -> Iterator[None]:
    """Waits for other large bodies to be parsed, each some 50 milliseconds.

    The server has read the whole body before a thread begins with it.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length) <= LARGE_BODY_BYTES:
        yield
        return
    with LARGE_BODIES:
        yield


def _from_bytes(request: HttpRequest) -> Submission:
    """Return the body itself; its bytes tell what kind of picture it is."""
    try:
        picture = request.body
    except UnreadablePostError:
        raise malformed("The body ended early; send the whole picture.") from None
    if len(picture) > MAX_PICTURE_BYTES:
        raise too_large()
    return Submission(picture=picture, ink=None)


def _from_form(request: HttpRequest) -> Submission:
    try:
        upload = request.FILES["image"]
        text = request.POST.get("ink")
    except MultiValueDictKeyError:
        if "image" in request.POST:
            raise malformed(
                'The field "image" is text; send a file in it (curl: -F image=@seven.png).'
            ) from None
        raise malformed('The file field "image" is missing.') from None
    except (MultiPartParserError, BadRequest, UnreadablePostError):
        raise malformed(
            "The form could not be read; send multipart/form-data whose Content-Type names the "
            "boundary that the body has, and the whole body."
        ) from None
    for name in ("image", "ink"):
        count = len(request.FILES.getlist(name)) + len(request.POST.getlist(name))
        if count > 1:
            raise malformed(f'The form has {count} fields "{name}"; send one.')
    if isinstance(upload, list):  # Django's types allow it, its parser does not return one
        raise malformed('The field "image" must be one file.')
    if upload.size is not None and upload.size > MAX_PICTURE_BYTES:
        raise too_large()
    ink = None
    if text:
        try:
            ink = check_ink(strict_json(text))
        except (ValueError, RecursionError):
            raise malformed('The field "ink" is not JSON.') from None
    return Submission(picture=upload.read(), ink=ink)


def read_batch(request: HttpRequest) -> list[Submission | ApiError]:
    """Return each picture of a request, or what is wrong with it, in its place.

    Raises:
        ApiError: 400 if the body is no list of drawings, 413 if there are too many, 415 if it is
            not declared as JSON.
    """
    if request.content_type != "application/json":
        raise ApiError(
            415, "unsupported_media_type", f"Send application/json with {EXAMPLE_BATCH}."
        )
    body = json_body(request)
    drawings = body.get("drawings") if isinstance(body, dict) else None
    if not isinstance(drawings, list) or not drawings:
        raise malformed(f"The body must be an object like {EXAMPLE_BATCH}.")
    if len(drawings) > MAX_BATCH:
        raise ApiError(
            413, "too_large", f"There are {len(drawings)} drawings; at most {MAX_BATCH} are taken."
        )
    return [_drawing_or_problem(drawing) for drawing in drawings]


def _drawing_or_problem(drawing: Any) -> Submission | ApiError:
    try:
        return _from_document(drawing)
    except ApiError as problem:
        return problem


def json_body(request: HttpRequest) -> Any:
    """Return the parsed body.

    Raises:
        ApiError: 400 if it is not JSON.
    """
    try:
        with _one_large_body_at_a_time(request):
            return strict_json(request.body.decode())
    except (ValueError, RecursionError, UnreadablePostError):
        raise malformed("The body is not JSON (in UTF-8, each name once).") from None


def _from_json(request: HttpRequest) -> Submission:
    return _from_document(json_body(request))


def _from_document(body: Any) -> Submission:
    if not isinstance(body, dict):
        raise malformed('A drawing must be an object like {"image": "data:image/png;base64,…"}.')
    url = body.get("image")
    if not isinstance(url, str):
        raise malformed('"image" must be a data URL: "data:image/png;base64,…".')
    head = DATA_URL.match(url)
    if head is None:
        raise malformed('"image" must begin with "data:", a picture\'s type and ";base64,".')
    if (len(url) - head.end()) * 3 // 4 > MAX_PICTURE_BYTES + 2:
        raise too_large()
    try:
        picture = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise malformed(
            '"image" must go on in base64 after "base64,": A-Z, a-z, 0-9, "+", "/", and "=" at '
            "the end to a multiple of four characters."
        ) from None
    ink = body.get("ink")
    return Submission(picture=picture, ink=None if ink is None else check_ink(ink))


def too_large() -> ApiError:
    return ApiError(
        413,
        "too_large",
        f"The picture may have {MAX_PICTURE_BYTES // 2**20} MB at most; send a smaller one.",
    )


def strict_json(text: str) -> Any:
    """Parse JSON and refuse what Python would accept: NaN, Infinity, a name twice in an object.

    Raises:
        ValueError: if the text is not JSON.
        ApiError: 400, if it has more than MAX_JSON_VALUES.
    """
    if max(text.count(","), text.count("[") + text.count("{")) > MAX_JSON_VALUES:
        raise malformed(f"The JSON has more than {MAX_JSON_VALUES:,} values; send less ink.")

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            raise ValueError("a name is given twice")
        return names

    return json.loads(text, parse_constant=refuse, object_pairs_hook=unique)


def check_ink(ink: Any) -> Ink:
    """Return the ink, if it is a list of strokes of [x, y, t_ms] points.

    Raises:
        ApiError: 400, naming the first stroke that is wrong.
    """
    form = "[[[x, y, t_ms], …], …]"
    if not isinstance(ink, list):
        raise malformed(f'"ink" must be a list of strokes: {form}.')
    if len(ink) > MAX_STROKES:
        raise malformed(f'"ink" has {len(ink)} strokes; at most {MAX_STROKES} are taken.')
    points = 0
    for number, stroke in enumerate(ink):
        if not isinstance(stroke, list):
            raise malformed(f'Stroke {number} of "ink" must be a list of points: {form}.')
        points += len(stroke)
        if points > MAX_POINTS:
            raise malformed(f'"ink" has more than {MAX_POINTS} points.')
        for point in stroke:
            if not (isinstance(point, list) and len(point) == 3 and all(map(_is_number, point))):
                raise malformed(
                    f'Stroke {number} of "ink" has a point that is not three numbers '
                    f"[x, y, t_ms] of at most {MAX_COORDINATE:.0f}."
                )
    return ink


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= MAX_COORDINATE  # also False for infinity, and exact for any integer
    )
