"""Predict requests and responses: contract, section 3."""

import gzip
import json
from pathlib import Path

import pytest

from tests.harness.model_server import model_server_thread
from tests.harness.rest_client import Client

SIGNATURE_NAME = "'signature_name' key must be a string value."


def error(client: Client, name: str, body: object, status: int = 400) -> str:
    reply = client.predict(name, body)
    assert reply.status == status, reply.body
    return reply.error


ANSWERS = [
    ("half_plus_two", {"instances": [1, 2.5]}, {"predictions": [2.5, 3.25]}),
    ("half_plus_two", {"inputs": [1, 2.5]}, {"outputs": [2.5, 3.25]}),
    ("half_plus_two", {"inputs": {"x": [4], "extra": 1}}, {"outputs": [4.0]}),
    ("half_plus_two", {"instances": [{"x": 1}, {"x": 2}]}, {"predictions": [2.5, 3.0]}),
    (
        "two",
        {"instances": [{"a": 1, "b": 2}, {"a": 5, "b": 1}]},
        {"predictions": [{"sum": 3.0, "difference": -1.0}, {"sum": 6.0, "difference": 4.0}]},
    ),
    (
        "two",
        {"inputs": {"a": [1, 5], "b": [2, 1]}},
        {"outputs": {"sum": [3.0, 6.0], "difference": [-1.0, 4.0]}},
    ),
    ("signatures", {"signature_name": "other", "instances": [1]}, {"predictions": [7.0]}),
    ("echo_float", {"inputs": 2.0}, {"outputs": 2.0}),
    ("echo_float", {"inputs": []}, {"outputs": []}),
    ("echo_float", {"instances": [[]]}, {"predictions": [[]]}),
    ("echo_float", {"inputs": [[[]], [[]]]}, {"outputs": [[[]], [[]]]}),
    ("echo_string", b'{"inputs": "\\ud83d\\ude00"}', {"outputs": "😀"}),
    ("echo_string", {"inputs": [{"b64": "a G"}]}, {"outputs": ["h"]}),
    ("scalar_output", {"inputs": [1, 2]}, {"outputs": 3.0}),
    ("uneven", {"inputs": [1]}, {"outputs": {"p": [1.0], "q": [1.0, 1.0]}}),
    ("doubled", {"instances": [1]}, {"predictions": [1.0, 1.0]}),
    ("matrix", {"instances": [[[1, 2], [3, 4]]]}, {"predictions": [10.0]}),
    ("reshaped", {"inputs": [1, 2, 3, 4]}, {"outputs": [[1.0, 2.0], [3.0, 4.0]]}),
    ("table", {"instances": ["two", "x", "one"]}, {"predictions": [2, -1, 1]}),  # initialised
]


@pytest.mark.parametrize(("name", "body", "answer"), ANSWERS)
def test_answers(client: Client, name: str, body: object, answer: object) -> None:
    assert client.predict(name, body).json == answer


MESSAGES = [
    ("half_plus_two", b"", "JSON Parse error: The document is empty"),
    ("half_plus_two", b"instances = [1]", "JSON Parse error: Invalid value. at offset: 0"),
    ("half_plus_two", b"[1]", "JSON Value: [1] Is not object"),
    ("half_plus_two", {"x": 1}, "Missing 'inputs' or 'instances' key"),
    (
        "signatures",
        {"signature_name": "x", "instances": [1]},
        'Serving signature name: "x" not found in signature def',
    ),
    (
        "two",
        {"instances": [{"a": 1, "b": 1}, 2]},
        "Expecting object but got list at item 1 of input list",
    ),
    (
        "half_plus_two",
        {"instances": [1, {"x": 1}]},
        "Expecting value/list but got object at item 1 of input list",
    ),
    (
        "echo_float",
        {"instances": [[1, 2], [1]]},
        "Failed to process element: 1 of 'instances' list. "
        "Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1",
    ),
    ("two", {"inputs": {"a": [1]}}, "Missing named input: b in 'inputs' object."),
    (
        "echo_float",
        {"inputs": [[1, 2], [3]]},
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
    ),
    (
        "echo_float",
        {"inputs": [[1], 2]},
        "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
    ),
    ("echo_float", {"inputs": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
    (
        "echo_float",
        {"inputs": "abc"},
        'JSON Value: "abc" Type: String is not of expected type: float',
    ),
    ("scalar_output", {"instances": [1, 2]}, "Tensor name: y has no shape information "),
]


@pytest.mark.parametrize(("name", "body", "message"), MESSAGES)
def test_error_messages(client: Client, name: str, body: object, message: str) -> None:
    assert error(client, name, body) == message


PARTS_OF_MESSAGES = [
    ("half_plus_two", b'{"instances": [1e999]}', "Number too big to be stored in double."),
    (
        "half_plus_two",
        {"instances": [1], "inputs": [1]},
        "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
    ),
    ("half_plus_two", {"instances": 1}, "Expecting 'instances' to be an list/array"),
    ("half_plus_two", {"instances": []}, "No values in 'instances' array"),
    *(
        ("half_plus_two", {"signature_name": name, "instances": [1]}, SIGNATURE_NAME)
        for name in (1, None, ["x"])
    ),
    ("two", {"instances": [1]}, "expecting list of objects as multiple input tensors required"),
    ("two", {"instances": [{"a": 1, "b": 1, "c": 1}]}, "does not have named input: c"),
    ("two", {"instances": [{"a": 1}]}, "keys must be equal to: a,b"),
    ("echo_float", {"instances": [[1, 2], [[1], [2]]]}, "Expecting shape [2] but got: [2,1]"),
    ("two", {"inputs": [1]}, "inputs is a plain value/list, but expecting an object"),
    ("two", {"instances": [{"a": "x", "b": 1}]}, "element: 0 key: a of 'instances'"),
    ("echo_string", {"inputs": [{"b65": "aGk="}]}, "not formatted correctly for base64 data"),
    ("echo_float", {"inputs": [{"b64": "aGk="}]}, "Type: Object is not of expected type: float"),
    ("echo_string", b'{"inputs": "\\ud800"}', "The surrogate pair in string is invalid."),
    ("echo_string", b'{"inputs": "\\ud800\\u0041"}', "The surrogate pair in string is invalid."),
    ("echo_string", b'{"inputs": "\n"}', "Invalid escape character in string."),
    ("uneven", {"instances": [1, 2]}, "has inconsistent batch size: "),
    ("half_plus_two", {"instances": [[1.0]]}, "tensor x has shape [1,1], which does not fit [-1]"),
    ("half_plus_two", {"inputs": 2.0}, "tensor x has shape [], which does not fit [-1]"),
    ("matrix", {"instances": [[[1, 2, 3], [4, 5, 6]]]}, "[-1,2,2]"),
    ("reshaped", {"instances": [1, 2, 3]}, "[[{{node fold}}]]"),
]


@pytest.mark.parametrize(("name", "body", "part"), PARTS_OF_MESSAGES)
def test_parts_of_error_messages(client: Client, name: str, body: object, part: str) -> None:
    assert part in error(client, name, body)


def test_rapidjson_dialect(client: Client) -> None:
    ok = {"predictions": [2.5]}
    for body in (
        b'\xef\xbb\xbf{"instances": [1]}',
        b'{"instances": [1]} and more',
        b'{"instances": [1], "instances": [9]}',
        b'{"instances": [1], "other": {"a": [null, true]}}',
        b'{"in\\u0073tances": [1]}',
        b'{"signature_name": "", "instances": [1]}',
        b'{"signature_name": "serving_default", "instances": [1.0]}',
    ):
        assert client.predict("half_plus_two", body).json == ok, body
    reply = client.predict("half_plus_two", b'{"instances": [NaN, -Infinity, Inf]}')
    assert b"[NaN, -Infinity, Infinity" in reply.body


def test_deep_nesting(client: Client) -> None:
    depth = 200_000
    deep = b'{"instances": ' + b"[" * depth + b"1" + b"]" * depth + b"}"
    assert "shape" in error(client, "half_plus_two", deep) or "rank" in error(
        client, "half_plus_two", deep
    )
    assert "Missing a comma" in error(client, "half_plus_two", deep[: depth + 20])
    deep_other = b'{"instances": [1], "o": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    assert client.predict("half_plus_two", deep_other).status == 200


ACCEPTED = [
    ("float", b"[1, -2.5, 1e2]", b"[1.0, -2.5, 100.0]"),
    ("float", b"[1e39, -1e39]", b"[Infinity, -Infinity]"),
    ("float", b"[16777217, 0.1]", b"[16777216.0, 0.1]"),
    ("double", b"[0.1, 1e300, 3]", b"[0.1, 1e+300, 3.0]"),
    ("double", b"[0.12345678901234568]", b"[0.12345678901234568]"),
    ("int32", b"[2147483647, -2147483648]", b"[2147483647, -2147483648]"),
    ("int16", b"[70000]", b"[4464]"),
    ("int8", b"[300, -129]", b"[44, 127]"),
    ("uint8", b"[300, -1]", b"[44, 255]"),
    ("int64", b"[9223372036854775807, -9223372036854775808]", None),
    ("uint32", b"[4294967295, 0]", None),
    ("uint64", b"[18446744073709551615]", None),
    ("bool", b"[true, false]", None),
    ("string", b'["a", "\\u00e9\\n\\"", {"b64": "aGk="}]', '["a", "é\\n\\"", "hi"]'.encode()),
    ("string", b'{"b64": "aGk"}', b'"hi"'),
    ("string", b'[{"b64": " aG k= "}]', b'["hi"]'),
    ("string", b'["\xff"]', b'["\xff"]'),
]


@pytest.mark.parametrize(("word", "sent", "expected"), ACCEPTED)
def test_accepted_tokens(client: Client, word: str, sent: bytes, expected: bytes | None) -> None:
    reply = client.predict(f"echo_{word}", b'{"inputs": ' + sent + b"}")
    assert reply.status == 200, reply.body
    assert reply.body == b'{\n    "outputs": ' + _multiline(expected or sent) + b"\n}"


def _multiline(text: bytes) -> bytes:
    """Return a list as TensorFlow Serving prints it in the column format."""
    if not text.startswith(b"["):
        return text
    elements = text[1:-1].split(b", ")
    return b"[\n        " + b",\n        ".join(elements) + b"\n    ]"


def test_column_format_has_a_line_for_every_element(client: Client) -> None:
    reply = client.predict("echo_float", b'{"inputs": [[[1, 2]], [[3, 4]]]}')
    assert (
        reply.body.decode()
        == """{
    "outputs": [
        [
            [
                1.0,
                2.0
            ]
        ],
        [
            [
                3.0,
                4.0
            ]
        ]
    ]
}"""
    )
    text = client.predict("two", {"inputs": {"a": [1], "b": [2]}}).body.decode()
    assert '{\n    "outputs": {\n        "' in text
    assert '"sum": [\n            3.0\n        ]' in text
    text = client.predict("strings", {"inputs": ["a"]}).body.decode()
    assert (
        '"raw_bytes": [\n            {\n                "b64": "YQ=="\n            }\n        ]'
    ) in text


REFUSED = [
    ("float", '"1.0"', "String"),
    ("float", "true", "True"),
    ("float", "false", "False"),
    ("float", "null", "Null"),
    ("double", '"x"', "String"),
    ("int32", "1.0", "Number"),
    ("int32", "1e2", "Number"),
    ("int32", "2147483648", "Number"),
    ("int32", "true", "True"),
    ("int16", "1.5", "Number"),
    ("uint8", "2147483648", "Number"),
    ("int64", "1.0", "Number"),
    ("int64", "9223372036854775808", "Number"),
    ("uint32", "-1", "Number"),
    ("uint32", "4294967296", "Number"),
    ("uint64", "-1", "Number"),
    ("uint64", "18446744073709551616", "Number"),
    ("bool", "0", "Number"),
    ("bool", '"true"', "String"),
    ("string", "1", "Number"),
    ("string", "null", "Null"),
]


@pytest.mark.parametrize(("word", "token", "kind"), REFUSED)
def test_refused_tokens(client: Client, word: str, token: str, kind: str) -> None:
    message = error(client, f"echo_{word}", f'{{"inputs": [{token}]}}'.encode())
    assert message.startswith("JSON Value: ")
    assert message.endswith(f" Type: {kind} is not of expected type: {word}")
    row = error(client, f"echo_{word}", f'{{"instances": [{token}]}}'.encode())
    assert row.startswith(
        "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: "
    )


@pytest.mark.parametrize("word", ["half", "bfloat16"])
def test_dtypes_without_json(client: Client, word: str) -> None:
    message = error(client, f"echo_{word}", {"inputs": [1.0]}, status=501)
    assert message.startswith("Conversion of JSON Value: 1")
    assert message.endswith(f" to type: {word}")


@pytest.mark.parametrize("text", ["aGk_", "aGk-", "a", "aGk==", "aG=k", "="])
def test_bad_base64(client: Client, text: str) -> None:
    assert error(client, "echo_string", {"inputs": [{"b64": text}]}) == "Unable to base64 decode"


def test_bytes_outputs(client: Client) -> None:
    body = {"instances": ["hi", {"b64": "/w=="}]}
    reply = client.predict("strings", body)
    assert b'"\xff"' in reply.body
    assert json.loads(reply.body.replace(b"\xff", b"?")) == {
        "predictions": [
            {"text": "hi", "raw_bytes": {"b64": "aGk="}},
            {"text": "?", "raw_bytes": {"b64": "/w=="}},
        ]
    }


def test_number_formatting(client: Client) -> None:
    sent = b"[1, 0.1, 0.333333333, 9000000, 999999, 1e-7, 1234567, 100000, 1000000]"
    body = b'{"instances": ' + sent + b"}"
    assert (
        b"[1.0, 0.1, 0.333333343, 9e+06, 999999.0, 1e-07, 1234567.0, 100000.0, 1e+06"
        in client.predict("echo_float", body).body
    )
    assert client.predict("cast", {"instances": [0.1]}).body.count(b"0.10000000149011612") == 1


@pytest.mark.parametrize("word", ["half", "uint16"])
def test_output_dtypes_without_json(client: Client, word: str) -> None:
    message = error(client, "cast", {"signature_name": word, "instances": [1]})
    assert message == f"Failed to write JSON value for tensor type: {word}"


def test_gzip_requests(client: Client) -> None:
    path = "/v1/models/half_plus_two:predict"
    headers = {"Content-Encoding": "gzip"}
    packed = gzip.compress(b'{"instances": [1.0]}')
    assert client.ask("POST", path, packed, headers).json == {"predictions": [2.5]}
    beyond_the_limit = gzip.compress(b" " * (101 * 1024 * 1024), compresslevel=1)
    for refused in (b"not gzip", packed[:-4], beyond_the_limit):
        reply = client.ask("POST", path, refused, headers)
        assert reply.error == "JSON Parse error: The document is empty"


def test_large_requests(client: Client) -> None:
    count = 400_000
    values = ",".join("1.5" for _ in range(count))
    reply = client.predict("half_plus_two", f'{{"instances": [{values}]}}'.encode())
    assert reply.json == {"predictions": [2.75] * count}


def test_timeout(several_models: dict[str, tuple[Path, str]]) -> None:
    base = several_models["counting"][0]
    with model_server_thread(
        model_name="counting", model_base_path=str(base), rest_api_timeout_in_ms=100
    ) as client:
        assert client.predict("counting", {"instances": [3]}).json == {"predictions": [3.0]}
        reply = client.predict("counting", {"instances": [1e7]})
        assert reply.status == 504
        assert reply.error == "Timed out waiting for notification"
