"""The quick way for the usual request: numbers only, for float inputs, all regular.

orjson reads such a body several times faster than anything in Python could, but it is another
dialect. So it is only believed where the two dialects cannot differ: no escapes, no repeated
keys, no `true`, `null` or strings among the values, no exponent near the end of the range. In
every other case, and for every error, `tensors.py` starts over.

Quicker still, where the signature says the shape of an instance: the body without its numbers
must be exactly the brackets and commas of that shape; then the numbers are one flat list.
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
# A digit beside a bracket must not join one on its other side: `5[1]` is not 51.
BRACKETS_TO_BLANKS = bytes.maketrans(b"[]}", b"   ")
OF_NUMBERS = b"0123456789.+-eE \n\r\t"
NUMBERS = {int, float}


def read_predict_fast(
    body: bytes, find_signature: Callable[[str], Signature]
) -> tuple[Signature, Format, Tensors] | None:
    """As `tensors.read_predict`, or None where the quick way is not certain.

    Raises:
        StatusError: whatever `find_signature` raises; its turn comes after the JSON's syntax.
    """
    if b"\\" in body or _has_large_exponent(body):
        return None
    known = _instances_of_known_shape(body, find_signature)
    if known is not None:
        return known
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
        made = Format.ROW
        if type(value) is not list or not value:
            return None
    elif key == "inputs":
        made = Format.COLUMNAR
    else:
        return None
    columns: dict[str, Any] | None = None
    if made is Format.ROW and type(value[0]) is dict:
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
    flat_of = {column: _flat(each) for column, each in (columns or {"": value}).items()}
    signature = find_signature(name)
    if columns is None:
        if len(signature.inputs) != 1:
            return None
        flat_of = {next(iter(signature.inputs)): flat_of[""]}
    elif made is Format.ROW and columns.keys() != signature.inputs.keys():
        return None
    tensors: Tensors = {}
    for column, tensor in signature.inputs.items():
        array = flat_of.get(column)
        if tensor.dtype != types_pb2.DT_FLOAT or array is None:
            return None
        tensors[column] = array
    return (signature, made, tensors) if tensors else None


def _has_large_exponent(body: bytes) -> bool:
    """Whether a zero has an exponent that rapidjson refuses and orjson does not."""
    # Two quick searches spare the slow one, which the usual body never needs.
    return (b"0e" in body or b"0E" in body) and LARGE_EXPONENT.search(body) is not None


def _instances_of_known_shape(
    body: bytes, find_signature: Callable[[str], Signature]
) -> tuple[Signature, Format, Tensors] | None:
    """Instances of a signature with one float input of a shape that is known but for the batch."""
    start = ONLY_INSTANCES.match(body)
    if start is None:
        return None
    try:
        signature = find_signature("")
    except StatusError:
        return None  # its turn comes after the JSON's syntax
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
    skeleton = rest.translate(None, OF_NUMBERS)
    instance = _skeleton(shape[1:])
    count, left = divmod(len(skeleton) - 2, len(instance) + 1)
    if left or count < 1 or skeleton != b"[" + b",".join([instance] * count) + b"]}":
        return None
    try:
        numbers = orjson.loads(b"[" + rest.translate(BRACKETS_TO_BLANKS) + b"]")
    except orjson.JSONDecodeError:
        return None
    with np.errstate(over="ignore"):  # 1e39 for a float is Infinity
        array = np.array(numbers, np.float64).astype(np.float32)
    if array.size != count * prod(shape[1:]):  # `[[]]` has the brackets of `[[1]]`
        return None
    return signature, Format.ROW, {name: array.reshape(count, *shape[1:])}


@lru_cache(maxsize=64)
def _skeleton(shape: tuple[int, ...]) -> bytes:
    """The brackets and commas of a nested list of that shape; nothing for a scalar."""
    text = b""
    for size in reversed(shape):
        text = b"[" + b",".join([text] * size) + b"]"
    return text


def _flat(value: Any) -> Array | None:
    """The array of a regular nested list of numbers, or of one number; else None."""
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
    if not set(map(type, level)) <= NUMBERS:
        return None
    with np.errstate(over="ignore"):  # 1e39 for a float is Infinity
        return np.array(level, np.float64).astype(np.float32).reshape(shape)
