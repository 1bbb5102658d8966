"""A fast path for most predict requests: regular nested lists of numbers for float inputs.

orjson reads such a body several times faster than `parser.py`, but accepts another dialect. So
its result is used only where both dialects agree: no escapes, no repeated keys, no `true`,
`null` or strings among the values, no exponent near the end of the range. In every other case,
and for every error, `predict_request.py` reads the body again.

If the signature states the shape of an instance, reading is faster still: when the body without
its numbers consists of exactly the brackets and commas of that shape, the numbers can be read
as one flat list.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import orjson
from tensorflow.core.framework import types_pb2

from serving.server.json.predict_request import NUMPY_RANK, Format
from serving.server.runtime.saved_model import Array, Signature, Tensors
from serving.server.status import StatusError

LARGE_EXPONENT = re.compile(rb"0[eE]\+?[0-9]{3}")  # rapidjson refuses even 0e400
ONLY_INSTANCES = re.compile(rb'[ \n\r\t]*\{[ \n\r\t]*"instances"[ \n\r\t]*:[ \n\r\t]*(?=\[)')
# Blanks keep digits on both sides of a bracket apart: `5[1]` is not 51.
BRACKETS_TO_BLANKS = bytes.maketrans(b"[]}", b"   ")
BLANKS = b" \n\r\t"
NUMBER_CHARACTERS = b"0123456789.+-eE"
NUMBERS_TO_ZEROS = bytes.maketrans(NUMBER_CHARACTERS, b"0" * len(NUMBER_CHARACTERS))
NUMBER_TYPES = {int, float}


def read_predict_fast(
    body: bytes, find_signature: Callable[[str], Signature]
) -> tuple[Signature, Format, Tensors] | None:
    """Read a request as `read_predict` does; None if the result could differ.

    Raises:
        StatusError: raised by `find_signature`, once the JSON is known to be well formed.
    """
    if b"\\" in body or _has_large_exponent(body):
        return None
    request = _instances_of_known_shape(body, find_signature)
    if request is not None:
        return request
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if type(document) is not dict:
        return None
    name = document.pop("signature_name", "")
    if type(name) is not str or len(document) != 1:
        return None
    quotes = 2 + (4 if name or b"signature_name" in body else 0)
    (key, value), *_ = document.items()
    if key == "instances":
        request_format = Format.ROW
        if type(value) is not list or not value:
            return None
    elif key == "inputs":
        request_format = Format.COLUMNAR
    else:
        return None
    columns: dict[str, Any] | None = None
    if request_format is Format.ROW and type(value[0]) is dict:
        names = value[0].keys()
        if not names or not all(type(item) is dict and item.keys() == names for item in value):
            return None
        columns = {name: [item[name] for item in value] for name in names}
        quotes += 2 * len(names) * len(value)
    elif type(value) is dict:
        columns = value
        quotes += 2 * len(columns)
    if body.count(b'"') != quotes:  # strings among the values, or repeated keys
        return None
    arrays = {column: _array(each) for column, each in (columns or {"": value}).items()}
    signature = find_signature(name)
    if columns is None:
        if len(signature.inputs) != 1:
            return None
        arrays = {next(iter(signature.inputs)): arrays[""]}
    elif request_format is Format.ROW and columns.keys() != signature.inputs.keys():
        return None
    tensors: Tensors = {}
    for column, tensor in signature.inputs.items():
        array = arrays.get(column)
        if tensor.dtype != types_pb2.DT_FLOAT or array is None:
            return None
        tensors[column] = array
    return (signature, request_format, tensors) if tensors else None


def _has_large_exponent(body: bytes) -> bool:
    """Return whether a zero has an exponent that rapidjson refuses and orjson accepts."""
    # The two fast searches make the slow one unnecessary for most bodies.
    return (b"0e" in body or b"0E" in body) and LARGE_EXPONENT.search(body) is not None


def _instances_of_known_shape(
    body: bytes, find_signature: Callable[[str], Signature]
) -> tuple[Signature, Format, Tensors] | None:
    """Read instances for one float input whose shape is known except for the batch size."""
    start = ONLY_INSTANCES.match(body)
    if start is None:
        return None
    try:
        signature = find_signature("")
    except StatusError:
        return None  # an error in the JSON's syntax takes precedence
    if len(signature.inputs) != 1:
        return None
    ((name, tensor),) = signature.inputs.items()
    shape = tensor.shape
    if (
        tensor.dtype != types_pb2.DT_FLOAT
        or not shape
        or shape[0] != -1
        or min(shape[1:], default=1) < 1
    ):
        return None
    rest = body[start.end() :]
    marked = rest.translate(NUMBERS_TO_ZEROS, BLANKS)
    if b"]0" in marked or b"0[" in marked:  # a number outside the innermost brackets
        return None
    skeleton = marked.translate(None, b"0")
    instance = _skeleton(shape[1:])
    count, left = divmod(len(skeleton) - 2, len(instance) + 1)
    if left or count < 1 or skeleton != b"[" + b",".join([instance] * count) + b"]}":
        return None
    try:
        numbers = orjson.loads(b"[" + rest.translate(BRACKETS_TO_BLANKS) + b"]")
    except orjson.JSONDecodeError:
        return None
    with np.errstate(over="ignore"):  # 1e39 becomes Infinity in a float
        array = np.array(numbers, np.float64).astype(np.float32)
    if array.size != count * prod(shape[1:]):  # `[[]]` has the brackets of `[[1]]`
        return None
    return signature, Format.ROW, {name: array.reshape(count, *shape[1:])}


@lru_cache(maxsize=64)
def _skeleton(shape: tuple[int, ...]) -> bytes:
    """Return the brackets and commas of a nested list of that shape; empty for a scalar."""
    text = b""
    for size in reversed(shape):
        text = b"[" + b",".join([text] * size) + b"]"
    return text


def _array(value: Any) -> Array | None:
    """Return the array of a regular nested list of numbers, or of one number; else None."""
    shape: list[int] = []
    level = [value]
    while type(level[0]) is list:
        size = len(level[0])
        shape.append(size)
        if not size or len(shape) > NUMPY_RANK or set(map(type, level)) != {list}:
            return None
        if set(map(len, level)) != {size}:
            return None
        level = list(chain.from_iterable(level))
    if not set(map(type, level)) <= NUMBER_TYPES:
        return None
    with np.errstate(over="ignore"):  # 1e39 becomes Infinity in a float
        return np.array(level, np.float64).astype(np.float32).reshape(shape)
