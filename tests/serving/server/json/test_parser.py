"""rapidjson's dialect, compared with Python's parser where both agree."""

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.server.json.parser import JsonObject, Value, parse
from serving.server.json.writer import echo, quote
from serving.server.status import StatusError

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=30,
)


def plain(value: Value) -> Any:
    if isinstance(value, JsonObject):
        return {name.decode(): plain(member) for name, member in value.items}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


def is_close(left: Any, right: Any) -> bool:
    """Return whether both are equal, except for the last digits that rapidjson loses."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-15, abs_tol=1e-307)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_close, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_close(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


@settings(max_examples=150, deadline=None)
@given(documents, st.booleans(), st.sampled_from([None, 2]))
def test_output_of_json_dumps(document: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    assert is_close(plain(parse(text)), document)
    assert is_close(plain(parse(b" \r\n\t" + text + b" }trailing")), document)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.text('{}[]",:.0123eE+-ntfINa\\u ', max_size=25).map(str.encode))
def test_arbitrary_bytes_are_parsed_or_refused(body: bytes) -> None:
    refused = refusal(body)
    assert refused is None or refused.startswith("JSON Parse error: ")
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return
    # Python's parser accepts no more than this one, except what a double or UTF-8 cannot hold.
    assert refused is None or "too big" in refused or "surrogate" in refused


def refusal(body: bytes) -> str | None:
    try:
        parse(body)
    except StatusError as error:
        return error.message
    return None


@given(st.floats(width=64, allow_nan=False, allow_infinity=False))
def test_numbers_with_fifteen_digits_are_exact(value: float) -> None:
    text = f"{value:.14e}"
    if 1e-7 < abs(value) < 1e21 or value == 0:
        assert parse(text.encode()) == float(text)


@pytest.mark.parametrize(
    ("body", "text", "offset"),
    [
        (b"  ", "The document is empty.", 2),
        (b",", "The document is empty.", 0),
        (b"instances = [1]", "Invalid value.", 0),
        (b'{"a" 1}', "Missing a colon after a name of object member.", 5),
        (b'{"a":1 "b"}', "Missing a comma or } after an object member.", 7),
        (b'{"a":1,}', "Missing a name for object member.", 7),
        (b"{a:1}", "Missing a name for object member.", 1),
        (b"{'a':1}", "Missing a name for object member.", 1),
        (b"[1 2]", "Missing a comma or ] after an array element.", 3),
        (b"[1,]", "Invalid value.", 3),
        (b"[", "Invalid value.", 1),
        (b'{"a":', "Invalid value.", 5),
        (b'{"a":1', "Missing a comma or } after an object member.", 6),
        (b"[01]", "Missing a comma or ] after an array element.", 2),
        (b"[+1]", "Invalid value.", 1),
        (b"[-]", "Invalid value.", 2),
        (b"[.5]", "Invalid value.", 1),
        (b"[1.]", "Miss fraction part in number.", 3),
        (b"[1.5e]", "Miss exponent in number.", 5),
        (b"[1e+]", "Miss exponent in number.", 4),
        (b"[1e309]", "Number too big to be stored in double.", 1),
        (b"[0e400]", "Number too big to be stored in double.", 1),
        (b"[" + b"9" * 400 + b"]", "Number too big to be stored in double.", 1),
        (b"[nul]", "Invalid value.", 4),
        (b"[tru", "Invalid value.", 4),
        (b"[Na]", "Invalid value.", 3),
        (b"[Infi]", "Invalid value.", 5),
        (b'["\\ud800"]', "The surrogate pair in string is invalid.", 2),
        (b'["\\u12g4"]', "Incorrect hex digit after \\u escape in string.", 2),
        (b'["\\x"]', "Invalid escape character in string.", 2),
        (b'["a\nb"]', "Invalid escape character in string.", 3),
        (b'["a', "Missing a closing quotation mark in string.", 3),
        (b"[1,//\n2]", "Invalid value.", 3),
    ],
)
def test_errors(body: bytes, text: str, offset: int) -> None:
    with pytest.raises(StatusError) as raised:
        parse(body)
    assert raised.value.message == f"JSON Parse error: {text} at offset: {offset}"


def test_numbers_that_python_refuses() -> None:
    values = parse(b"[NaN, -NaN, Inf, -Inf, Infinity, -Infinity, 10e308, -0, -0.0]")
    assert isinstance(values, list)
    assert math.isnan(values[0])  # type: ignore[arg-type]
    assert math.isnan(values[1])  # type: ignore[arg-type]
    inf = float("inf")
    assert values[2:7] == [inf, -inf, inf, -inf, inf]
    assert type(values[7]) is int
    assert struct.pack("d", values[8]) == struct.pack("d", -0.0)


def test_number_types() -> None:
    values = parse(
        b"[1, 1.0, 1e2, 18446744073709551615, 18446744073709551616, -9223372036854775808]"
    )
    assert isinstance(values, list)
    assert [type(each) for each in values] == [int, float, float, int, float, int]


def test_lists_after_runs_of_numbers() -> None:
    assert plain(parse(b'[1, 2.5, [3, 4], -1, {"a": 5}, "x", 6]')) == [
        1, 2.5, [3, 4], -1, {"a": 5}, "x", 6,
    ]  # fmt: skip


def test_first_of_repeated_keys_counts() -> None:
    document = parse(b'{"a": 1, "b": 2, "a": 3}')
    assert isinstance(document, JsonObject)
    assert document.get(b"a") == 1
    with pytest.raises(KeyError):
        document.get(b"c")


@given(st.binary(max_size=50))
def test_quoted_strings_round_trip(text: bytes) -> None:
    assert parse(quote(text).replace(b"\x00", b"")) == text


def test_echo_is_indented_and_short() -> None:
    value = parse(b'{"a": [1, 2.5, true, null, "x"], "b": {}}')
    assert echo(value) == '{\n    "a": [1, 2.5, true, null, "x"],\n    "b": {}\n}'
    assert len(echo(parse(b"[" + b"1234567," * 9999 + b"1]"))) < 300
    assert echo(2.0) == "2.0"
    assert echo(parse(b"[" * 10000 + b"]" * 10000)).startswith("[[[")
