"""JSON text as rapidjson's writers put it: strings, errors, and values echoed in errors.

Strings are bytes that nobody validates: whatever a model answers goes out as it is, escaped
only where JSON must be (rapidjson/writer.h). Inside Python's `str` such bytes travel as
surrogate escapes.
"""

import re

import numpy as np

from serving.server.json.float_formatting import format_doubles, format_floats
from serving.server.json.parser import JsonObject, Value

MUST_ESCAPE = re.compile(rb'[\x00-\x1f"\\]')
ESCAPED = {
    b'"': b'\\"',
    b"\\": b"\\\\",
    b"\b": b"\\b",
    b"\f": b"\\f",
    b"\n": b"\\n",
    b"\r": b"\\r",
    b"\t": b"\\t",
}
FLOAT_MAX = float(np.finfo(np.float32).max)
ECHO_LIMIT = 256  # bytes of a value that an error repeats; a large request is not sent back
INDENT = "    "


def quote(text: bytes) -> bytes:
    """A JSON string."""
    if MUST_ESCAPE.search(text) is None:
        return b'"' + text + b'"'
    return b'"' + MUST_ESCAPE.sub(_escape, text) + b'"'


def _escape(match: "re.Match[bytes]") -> bytes:
    found = match.group()
    return ESCAPED.get(found) or b"\\u%04X" % found[0]


def error_body(message: str) -> bytes:
    """`{"error": "<message>"}`, the body of every failure (`MakeJsonFromStatus`)."""
    return b'{\n    "error": ' + quote(message.encode("utf-8", "surrogateescape")) + b"\n}"


def echo(value: Value) -> str:
    """A value as errors repeat it (`JsonValueToString`): pretty, and cut when it is long."""
    if isinstance(value, float):
        if abs(value) <= FLOAT_MAX:
            return format_floats(np.array([value], np.float32))[0]
        return format_doubles(np.array([value], np.float64))[0]
    pieces: list[str] = []
    room = ECHO_LIMIT
    # What is still to be written, last first: texts, or values with their depth.
    todo: list[str | tuple[Value, int]] = [(value, 0)]
    while todo and room > 0:
        item = todo.pop()
        if not isinstance(item, str):
            item = _opened(*item, todo=todo)
        pieces.append(item)
        room -= len(item)
    if todo:
        pieces.append("...")
    return "".join(pieces)


def _opened(value: Value, depth: int, *, todo: "list[str | tuple[Value, int]]") -> str:
    """The text of a scalar; of anything else its opening, the rest put on `todo`."""
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
        todo.extend(reversed(rest))
        return "{"
    for index, element in enumerate(value[:ECHO_LIMIT]):
        if index:
            rest.append(", ")
        rest.append((element, depth + 1))
    rest.append("]")
    todo.extend(reversed(rest))
    return "["
