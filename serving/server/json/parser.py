"""A parser for JSON as TensorFlow Serving reads it: the dialect of rapidjson 1.1.0.

TensorFlow Serving parses with the flags NanAndInf, StopWhenDone and Iterative. So `NaN` and
`Infinity` are numbers, text after the closing brace is ignored, a byte order mark is skipped,
the depth is not limited, strings are bytes that are not validated, and an error has rapidjson's
text and byte offset. Python's parsers differ in all of these, so this module follows
rapidjson's state machine (`reader.h`, `IterativeParse`), with regular expressions for
well-formed input.

Values: None, bool, `int` (a number token that fits 64 bits), `float` (any other number),
`bytes` (a string), `list`, and `JsonObject` (members in order, repeated keys included).
"""

import re
from typing import TypeAlias

from serving.server.status import invalid_argument

Value: TypeAlias = "bool | int | float | bytes | list[Value] | JsonObject | None"

INT64_MIN = -(2**63)
UINT64_MAX = 2**64 - 1

# rapidjson/error/en.h, 1.1.0
DOCUMENT_EMPTY = "The document is empty."
VALUE_INVALID = "Invalid value."
MISS_NAME = "Missing a name for object member."
MISS_COLON = "Missing a colon after a name of object member."
MISS_COMMA_OR_BRACE = "Missing a comma or } after an object member."
MISS_COMMA_OR_BRACKET = "Missing a comma or ] after an array element."
UNICODE_HEX = "Incorrect hex digit after \\u escape in string."
UNICODE_SURROGATE = "The surrogate pair in string is invalid."
ESCAPE_INVALID = "Invalid escape character in string."
MISS_QUOTATION_MARK = "Missing a closing quotation mark in string."
NUMBER_TOO_BIG = "Number too big to be stored in double."
MISS_FRACTION = "Miss fraction part in number."
MISS_EXPONENT = "Miss exponent in number."

WHITESPACE = re.compile(rb"[ \n\r\t]*")
PLAIN_STRING = re.compile(rb'"([^"\\\x00-\x1f]*)"')
NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
SPECIAL = re.compile(rb"(-?)(NaN|Inf(?:inity)?)")
STRING_PIECE = re.compile(rb'[^"\\\x00-\x1f]*')
# A run of simple numbers in a list, the largest part of most large requests.
NUMBERS = re.compile(rb"(?:-?(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,9})?[ \n\r\t]*,[ \n\r\t]*)+")
ESCAPES = {
    ord('"'): b'"',
    ord("\\"): b"\\",
    ord("/"): b"/",
    ord("b"): b"\b",
    ord("f"): b"\f",
    ord("n"): b"\n",
    ord("r"): b"\r",
    ord("t"): b"\t",
}
LITERALS: dict[int, tuple[bytes, bool | None]] = {
    ord("n"): (b"null", None),
    ord("t"): (b"true", True),
    ord("f"): (b"false", False),
}
MAX_DIGITS = 20  # of a 64-bit integer
LARGEST_TENTH = 1.7976931348623157e307  # DBL_MAX / 10 as reader.h rounds it
EXACT_SIGNIFICAND = 2**53  # a double holds every integer up to this one
EXACT_POWER = 22  # a double holds every power of ten up to this one


class JsonObject:
    """A JSON object: its members in order. The first of several members with one key counts."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[tuple[bytes, Value]] = []

    def has(self, name: bytes) -> bool:
        return any(key == name for key, _ in self.items)

    def get(self, name: bytes) -> Value:
        """Return the value of the first member called `name`.

        Raises:
            KeyError: there is no such member.
        """
        for key, value in self.items:
            if key == name:
                return value
        raise KeyError(name)


class _SyntaxError(Exception):
    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.text = text
        self.offset = offset


def parse(body: bytes) -> Value:
    """Read one JSON value from the start of `body`.

    Raises:
        StatusError: INVALID_ARGUMENT with rapidjson's text and offset.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        return _Reader(body).document()
    except _SyntaxError as error:
        raise invalid_argument(
            f"JSON Parse error: {error.text} at offset: {error.offset}"
        ) from None


class _Reader:
    """One pass over one body. The stack is a list, so deep nesting cannot overflow Python's."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.size = len(body)
        self.at = 0
        for part in b"\xef\xbb\xbf":  # encodedstream.h skips each byte of the mark by itself
            if self.at < self.size and body[self.at] == part:
                self.at += 1

    def peek(self) -> int:
        """Return the current byte; 0 at the end, as rapidjson's MemoryStream does."""
        return self.body[self.at] if self.at < self.size else 0

    def skip_whitespace(self) -> None:
        match = WHITESPACE.match(self.body, self.at)
        assert match is not None  # the pattern matches the empty string, too  # noqa: S101
        self.at = match.end()

    def fail(self, text: str) -> _SyntaxError:
        return _SyntaxError(text, self.at)

    def document(self) -> Value:
        self.skip_whitespace()
        if not self.peek() or self.peek() in b",:]}":
            raise self.fail(DOCUMENT_EMPTY)
        if self.peek() not in b"[{":
            return self.scalar()
        root = self.open()
        stack = [root]
        is_first = True  # nothing has been read yet in the innermost list or object
        while stack:
            inner = stack[-1]
            is_list = isinstance(inner, list)
            self.skip_whitespace()
            if self.peek() == (ord("]") if is_list else ord("}")):
                self.at += 1
                stack.pop()
                is_first = False
                continue
            if not is_first:
                if self.peek() != ord(","):
                    raise self.fail(MISS_COMMA_OR_BRACKET if is_list else MISS_COMMA_OR_BRACE)
                self.at += 1
                self.skip_whitespace()
            name = b""
            if isinstance(inner, list):
                self.numbers(inner)
            else:
                name = self.member_name()
            value: Value
            c = self.peek()
            if not c or c in b",:]}":
                raise self.fail(VALUE_INVALID)
            is_first = c in b"[{"
            if is_first:
                value = child = self.open()
                stack.append(child)
            else:
                value = self.scalar()
            if isinstance(inner, list):
                inner.append(value)
            else:
                inner.items.append((name, value))
        return root

    def member_name(self) -> bytes:
        """Read a name and the colon after it."""
        if self.peek() != ord('"'):
            raise self.fail(MISS_NAME)
        name = self.string()
        self.skip_whitespace()
        if self.peek() != ord(":"):
            raise self.fail(MISS_COLON)
        self.at += 1
        self.skip_whitespace()
        return name

    def open(self) -> "list[Value] | JsonObject":
        opened: list[Value] | JsonObject = [] if self.peek() == ord("[") else JsonObject()
        self.at += 1
        return opened

    def numbers(self, into: list[Value]) -> None:
        """Append a run of short plain numbers in one step, all but the last of the list."""
        match = NUMBERS.match(self.body, self.at)
        if match is None:
            return
        self.at = match.end()
        for token in match.group().split(b",")[:-1]:
            into.append(float(token) if b"." in token else int(token))

    def scalar(self) -> Value:
        c = self.peek()
        if c == ord('"'):
            return self.string()
        if c in LITERALS:
            return self.literal(*LITERALS[c])
        return self.number()

    def literal(self, word: bytes, value: bool | None) -> bool | None:
        for expected in word:
            if self.peek() != expected:
                raise self.fail(VALUE_INVALID)
            self.at += 1
        return value

    def string(self) -> bytes:
        plain = PLAIN_STRING.match(self.body, self.at)
        if plain is not None:
            self.at = plain.end()
            return plain.group(1)
        self.at += 1
        pieces: list[bytes] = []
        while True:
            run = STRING_PIECE.match(self.body, self.at)
            assert run is not None  # the pattern matches the empty string, too  # noqa: S101
            pieces.append(run.group())
            self.at = run.end()
            c = self.peek()
            if c == ord('"'):
                self.at += 1
                return b"".join(pieces)
            if c == ord("\\"):
                pieces.append(self.escape())
            elif c == 0:
                raise self.fail(MISS_QUOTATION_MARK)
            else:
                raise self.fail(ESCAPE_INVALID)

    def escape(self) -> bytes:
        start = self.at  # every error in an escape has the offset of its backslash
        self.at += 1
        c = self.peek()
        if c in ESCAPES:
            self.at += 1
            return ESCAPES[c]
        if c != ord("u"):
            raise _SyntaxError(ESCAPE_INVALID, start)
        self.at += 1
        point = self.hex4(start)
        if 0xD800 <= point <= 0xDBFF:
            if self.body[self.at : self.at + 2] != b"\\u":
                raise _SyntaxError(UNICODE_SURROGATE, start)
            self.at += 2
            low = self.hex4(start)
            if not 0xDC00 <= low <= 0xDFFF:
                raise _SyntaxError(UNICODE_SURROGATE, start)
            point = ((point - 0xD800) << 10 | (low - 0xDC00)) + 0x10000
        elif 0xDC00 <= point <= 0xDFFF:
            raise _SyntaxError(UNICODE_SURROGATE, start)
        return chr(point).encode()

    def hex4(self, start: int) -> int:
        digits = self.body[self.at : self.at + 4]
        if len(digits) < 4 or not all(c in b"0123456789abcdefABCDEF" for c in digits):
            raise _SyntaxError(UNICODE_HEX, start)
        self.at += 4
        return int(digits, 16)

    def number(self) -> int | float:
        start = self.at
        match = NUMBER.match(self.body, start)
        if match is None:
            return self.special()
        self.at = match.end()
        integer, fraction, exponent = match.groups()
        if fraction is None and exponent is None:
            follower = self.peek()
            if follower == ord("."):
                self.at += 1
                raise self.fail(MISS_FRACTION)
            if follower in b"eE" and follower:
                self.miss_exponent()
            if len(integer) <= MAX_DIGITS:
                whole = int(match.group())
                if INT64_MIN <= whole <= UINT64_MAX:
                    return whole
            value = _long_integer(integer, start)
            return -value if self.body[start] == ord("-") else value
        if exponent is None and self.peek() in b"eE" and self.peek():
            self.miss_exponent()
        return double(match.group(), integer, fraction, exponent, start)

    def miss_exponent(self) -> None:
        self.at += 1
        if self.peek() in b"+-" and self.peek():
            self.at += 1
        raise self.fail(MISS_EXPONENT)

    def special(self) -> float:
        start = self.at
        match = SPECIAL.match(self.body, start)
        if match is None:
            self.at = start + (self.peek() == ord("-"))
            for expected in (b"NaN", b"Infinity"):
                if self.peek() == expected[0]:
                    length = 0
                    while length < len(expected) and self.peek() == expected[length]:
                        self.at += 1
                        length += 1
                    break
            raise self.fail(VALUE_INVALID)
        self.at = match.end()
        sign, word = match.groups()
        if word == b"Inf" and self.peek() == ord("i"):  # only `Infinity` may start with `Infi`
            for expected_byte in b"inity":
                if self.peek() != expected_byte:
                    raise self.fail(VALUE_INVALID)
                self.at += 1
        value = float("nan") if word == b"NaN" else float("inf")
        return -value if sign else value


def double(
    token: bytes, integer: bytes, fraction: bytes | None, exponent: bytes | None, start: int
) -> float:
    """Return the double that rapidjson makes of a number: at most 17 digits, one multiplication.

    rapidjson's `StrtodNormalPrecision` does not round correctly beyond 15 digits. A client of a
    DT_DOUBLE model sees the difference in the last place, so it is reproduced here. Where
    significand and power of ten are exact, both agree, and Python's conversion is faster.

    Raises:
        _SyntaxError: the exponent is too large for a double.
    """
    power = int(exponent[1:]) if exponent and len(exponent) < 12 else 0
    if exponent and len(exponent) >= 12:
        digits = exponent[1:].lstrip(b"+-").lstrip(b"0") or b"0"
        power = int(digits[:9]) * (-1 if exponent[1:2] == b"-" else 1)
    decimals = fraction[1:] if fraction else b""
    taken, scale = _significand(integer, decimals, start)
    # rapidjson checks a positive exponent digit by digit, so its leading zeros do not count.
    if power > 308 - scale:
        raise _SyntaxError(NUMBER_TOO_BIG, start)
    total = power + scale
    if len(integer) + len(decimals) <= 15 and -EXACT_POWER <= total <= EXACT_POWER:
        return float(token)
    # The smallest numbers take two steps: a double cannot hold 1e-309.
    below = total < -308
    value = _scaled(_scaled(taken, -308), total + 308) if below else _scaled(taken, total)
    return -value if token[:1] == b"-" else value


def _significand(integer: bytes, fraction: bytes, start: int) -> tuple[float, int]:
    """Return the digits that rapidjson keeps as a double, and the power of ten to apply."""
    scale = 0
    if len(integer) > MAX_DIGITS or int(integer) > UINT64_MAX:
        return _long_integer(integer, start), 0
    whole = int(integer)
    significant = len(integer) - 1
    index = 0
    while index < len(fraction) and whole <= EXACT_SIGNIFICAND - 1:
        whole = whole * 10 + fraction[index] - ord("0")
        index += 1
        scale -= 1
        if whole:
            significant += 1
    value = float(whole)
    while index < len(fraction) and significant < 17:
        value = value * 10.0 + (fraction[index] - ord("0"))
        index += 1
        scale -= 1
        if value > 0.0:
            significant += 1
    return value, scale


def _long_integer(integer: bytes, start: int) -> float:
    """Return an integer beyond 64 bits as rapidjson sums it: in doubles, digit by digit."""
    whole = 0
    index = 0
    while index < len(integer) and whole * 10 + integer[index] - ord("0") <= UINT64_MAX:
        whole = whole * 10 + integer[index] - ord("0")
        index += 1
    value = float(whole)
    while index < len(integer):
        if value >= LARGEST_TENTH:
            raise _SyntaxError(NUMBER_TOO_BIG, start)
        value = value * 10.0 + (integer[index] - ord("0"))
        index += 1
    return value


def _scaled(significand: float, power: int) -> float:
    if power < -308:
        return 0.0
    if power >= 0:
        return significand * float(f"1e{power}")
    return significand / float(f"1e{-power}")
