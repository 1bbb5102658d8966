"""JSON text as rapidjson's writers produce it: strings, errors, and values repeated in errors.

Strings are bytes that are not validated: a model's output is sent unchanged, escaped only where
JSON requires it (rapidjson/writer.h). A Python `str` holds bytes that are not UTF-8 as
surrogate escapes.
"""

import re

import numpy as np

from serving.server.json.float_formatting import format_doubles, format_floats
from serving.server.json.parser import ESCAPES, JsonObject, Value

MUST_ESCAPE = re.compile(rb'[\x00-\x1f"\\]')
ESCAPED = {text: b"\\%c" % letter for letter, text in ESCAPES.items()}
FLOAT_MAX = float(np.finfo(np.float32).max)
ECHO_LIMIT = 256  # bytes of a value in an error, so that a large request is not sent back
INDENT = "    "


def quote(text: bytes) -> bytes:
    """Return `text` as a JSON string."""
    if MUST_ESCAPE.search(text) is None:
        return b'"' + text + b'"'
    return b'"' + MUST_ESCAPE.sub(_escape, text) + b'"'


def _escape(match: "re.Match[bytes]") -> bytes:
    found = match.group()
    return ESCAPED.get(found) or b"\\u%04X" % found[0]


def error_body(message: str) -> bytes:
    """Return `{"error": "<message>"}`, the body of every failure (`MakeJsonFromStatus`)."""
    return b'{\n    "error": ' + quote(message.encode("utf-8", "surrogateescape")) + b"\n}"


def echo(value: Value) -> str:
    """Format a value for an error message (`JsonValueToString`): indented, long values cut."""
    if isinstance(value, float):
        if abs(value) <= FLOAT_MAX:
            return format_floats(np.array([value], np.float32))[0]
        return format_doubles(np.array([value], np.float64))[0]
    pieces: list[str] = []
    remaining = ECHO_LIMIT
    # A stack of texts, or values with their depth; recursion could overflow.
    pending: list[str | tuple[Value, int]] = [(value, 0)]
    while pending and remaining > 0:
        item = pending.pop()
        if not isinstance(item, str):
            item = _open(*item, pending=pending)
        pieces.append(item)
        remaining -= len(item)
    if pending:
        pieces.append("...")
    return "".join(pieces)


def _open(value: Value, depth: int, *, pending: "list[str | tuple[Value, int]]") -> str:
    """Format a scalar, or return a container's opening and push the rest on `pending`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format_doubles(np.array([value], np.float64))[0]
    if isinstance(value, bytes):
        return quote(value).decode("utf-8", "surrogateescape")
    rest: list[str | tuple[Value, int]] = []
    if isinstance(value, JsonObject):
        if not value.items:
            return "{}"
        for index, (name, member) in enumerate(value.items[:ECHO_LIMIT]):
            comma = "," if index else ""
            rest.append(f"{comma}\n{INDENT * (depth + 1)}")
            rest.append(quote(name).decode("utf-8", "surrogateescape") + ": ")
            rest.append((member, depth + 1))
        rest.append(f"\n{INDENT * depth}}}")
        pending.extend(reversed(rest))
        return "{"
    for index, element in enumerate(value[:ECHO_LIMIT]):
        if index:
            rest.append(", ")
        rest.append((element, depth + 1))
    rest.append("]")
    pending.extend(reversed(rest))
    return "["
