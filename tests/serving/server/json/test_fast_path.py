"""The fast path must return what the slow path returns, or nothing."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import types_pb2

from serving.server.json.fast_path import read_predict_fast
from serving.server.json.predict_request import read_predict
from serving.server.runtime.saved_model import Signature, Tensor
from serving.server.status import StatusError, not_found


def signature(**shapes: tuple[int, ...] | None) -> Signature:
    inputs = {
        name: Tensor(f"{name}:0", types_pb2.DT_FLOAT, shape) for name, shape in shapes.items()
    }
    return Signature("serving_default", "", inputs, {}, "")


SIGNATURES = [
    signature(x=(-1,)),
    signature(x=(-1, 1)),
    signature(x=(-1, 2)),
    signature(x=(-1, 2, 2, 1)),
    signature(x=None),
    signature(a=(-1,), b=(-1, 2)),
]

numbers = (
    st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([True, None, "1", 2**70, -(2**63), {"b64": "aa"}])
)
values = st.recursive(numbers | st.integers(0, 9), lambda inner: st.lists(inner, max_size=3))
regular = st.sampled_from(
    [[1, 2], [[1, 2], [3.5, 4]], [[[[1], [2]], [[3], [4]]]] * 2, [[]], [[[]]], [[[[1], [2]]]], []]
)
bodies = st.builds(
    lambda key, value, extra: json.dumps({key: value, **extra}).encode(),
    st.sampled_from(["instances", "inputs"]),
    regular
    | values
    | st.lists(values, max_size=3)
    | st.lists(
        st.fixed_dictionaries({"a": numbers, "b": st.lists(numbers, max_size=2)}), max_size=3
    ),
    st.sampled_from([{}, {"signature_name": ""}, {"signature_name": "s"}, {"other": 1}]),
)
mangled = st.builds(
    lambda body, at, what: body[: at % len(body)] + what + body[at % len(body) :],
    bodies,
    st.integers(0, 200),
    st.sampled_from(
        [b"", b" ", b"1", b"[", b"]", b",", b"}", b"-", b"e400", b"E5", b".", b'"', b"NaN", b"\n"]
    ),
)


def check(body: bytes, found: Signature) -> None:
    fast = read_predict_fast(body, lambda _: found)
    if fast is None:
        return
    slow = read_predict(body, lambda _: found)
    assert fast[:2] == slow[:2]
    assert fast[2].keys() == slow[2].keys()
    for name, array in fast[2].items():
        assert array.dtype == slow[2][name].dtype == np.float32
        np.testing.assert_array_equal(array, slow[2][name])


@settings(max_examples=600, deadline=None)
@given(bodies | mangled, st.sampled_from(SIGNATURES))
def test_fast_path_agrees_with_slow_path(body: bytes, found: Signature) -> None:
    check(body, found)


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": [5[1]]}',
        b'{"instances": []1}',
        b'{"instances": [1[]]}',
        b'{"instances": [[]1]}',
        b'{"instances": [[1,]2]}',
        b'{"instances": 1[]}',
        b'{"instances": [0e400, 1]}',
        b'{"instances": [0.0E+0999, 1]}',
        b'{"instances": [1], "instances": [2]}',
        b'{"instances": [1]} x',
        b'{"instances": [1]}5',
        b'{"instances": [[]]}',
        b'{"instances": [true]}',
        b'{"instances": ["1"]}',
        b'{"instances": [null]}',
        b'{"inst\\u0061nces": [1]}',
        b'{"instances": [{"x": 1, "x": 2}]}',
        b'{"instances": [NaN]}',
        b'{"instances": [1e39]}',
        b'{"instances": [[1, 2], [3, 4]]}',
        b'{"instances": [[1 2], [3, 4]]}',
    ],
)
def test_ambiguous_bodies(body: bytes) -> None:
    for found in SIGNATURES:
        check(body, found)


def test_common_requests_take_the_fast_path() -> None:
    rows: Any = [[[[0.25], [1]], [[2], [3e-5]]]]
    found = signature(image=(-1, 2, 2, 1))
    fast = read_predict_fast(json.dumps({"instances": rows}).encode(), lambda _: found)
    assert fast is not None
    assert fast[2]["image"].shape == (1, 2, 2, 1)
    assert read_predict_fast(json.dumps({"inputs": rows}).encode(), lambda _: found) is not None


def test_syntax_errors_precede_unknown_models() -> None:
    def unknown(_: str) -> Signature:
        raise not_found("no such model")

    assert read_predict_fast(b'{"instances": [1}', unknown) is None
    with pytest.raises(StatusError, match="no such model"):
        read_predict_fast(b'{"instances": [1]}', unknown)
