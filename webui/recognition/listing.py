"""The query of a list of predictions: filters as the admin's, a cursor and a size."""

import re
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest

from webui.errors import ApiError
from webui.records.days import SHORTCUTS, instants_of, parse_days
from webui.records.models import Verdict
from webui.records.paging import Bounds, parse_cursor
from webui.records.store import Filters

DEFAULT_SIZE = 50
MAX_SIZE = 100  # records with their instances: about 100 kB
VERSION_DIGITS = 18  # no column of the stores holds a longer number
NUMBER = re.compile(rf"[0-9]{{1,{VERSION_DIGITS}}}", re.ASCII)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
CURSOR = "^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$"  # a version-1 UUID

# Every parameter, with its JSON schema and what a value must be.
PARAMETERS: dict[str, tuple[dict[str, object], str]] = {
    "limit": (
        {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
        f"the number of predictions on a page, 1 to {MAX_SIZE}",
    ),
    "older": ({"type": "string", "pattern": CURSOR}, "an id: the page begins after it"),
    "newer": ({"type": "string", "pattern": CURSOR}, "an id: the page ends before it"),
    "digit": ({"type": "integer", "minimum": 0, "maximum": 9}, "a digit, 0 to 9"),
    "verdict": ({"enum": list(Verdict.values)}, f"one of {', '.join(Verdict.values)}"),
    "version": (
        {"type": "integer", "minimum": 0, "maximum": 10**VERSION_DIGITS - 1},
        "the number of a model version",
    ),
    "day": (
        {"anyOf": [{"enum": list(SHORTCUTS)}, {"type": "string", "format": "date"}]},
        f"a day in UTC like 2026-03-14, or {', '.join(SHORTCUTS)}",
    ),
}
OPENAPI_PARAMETERS = [
    {"in": "query", "name": name, "required": False, "schema": schema, "description": valid}
    for name, (schema, valid) in PARAMETERS.items()
]


def read_query(request: HttpRequest) -> tuple[Filters, Bounds, int]:
    """Return the filters, the cursor and the size that a request asks for.

    Raises:
        ApiError: 400, naming the parameter that is wrong and what would be right.
    """
    for name in request.GET:
        if name not in PARAMETERS:
            raise _malformed(
                f'"{name[:40]}" is not a parameter; there are {", ".join(PARAMETERS)}.'
            )
        if len(request.GET.getlist(name)) > 1:
            raise _malformed(f'"{name}" is given more than once; give one value.')
    verdict = request.GET.get("verdict")
    if verdict is not None and verdict not in Verdict.values:
        raise _invalid("verdict")
    older, newer = _cursor(request, "older"), _cursor(request, "newer")
    if older is not None and newer is not None:
        raise _malformed('A page is "older" than an id or "newer" than one, not both.')
    since, until = _days(request)
    filters = Filters(
        digit=_number(request, "digit", 0, 9),
        verdict=verdict,
        model_version=_number(request, "version", 0, 10**VERSION_DIGITS),
        since=since,
        until=until,
    )
    size = _number(request, "limit", 1, MAX_SIZE) or DEFAULT_SIZE
    return filters, Bounds(older_than=older, newer_than=newer), size


def _malformed(message: str) -> ApiError:
    return ApiError(400, "malformed_request", message)


def _invalid(name: str) -> ApiError:
    return _malformed(f'"{name}" must be {PARAMETERS[name][1]}.')


def _number(request: HttpRequest, name: str, least: int, most: int) -> int | None:
    text = request.GET.get(name)
    if text is None:
        return None
    if not NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise _invalid(name)
    return int(text)


def _cursor(request: HttpRequest, name: str) -> UUID | None:
    text = request.GET.get(name)
    if text is None:
        return None
    try:
        return parse_cursor(text)
    except ValueError:
        raise _invalid(name) from None


def _days(request: HttpRequest) -> tuple[datetime, datetime] | tuple[None, None]:
    text = request.GET.get("day")
    if text is None:
        return None, None
    if text not in SHORTCUTS and not DATE.fullmatch(text):
        raise _invalid("day")
    try:
        return instants_of(*parse_days(text))
    except (ValueError, OverflowError):
        raise _invalid("day") from None
