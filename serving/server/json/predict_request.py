"""Reads a predict request's JSON into arrays: `instances` (rows) and `inputs` (columns).

Follows `FillPredictRequestFromJson` of json_tensor.cc, with its messages and order of checks.
Large regular requests take the fast path in `fast_path.py`; all other requests, and every
error, are handled here.
"""

import base64
import re
from collections.abc import Callable, Mapping
from enum import Enum
from itertools import chain
from math import prod

import numpy as np
from tensorflow.core.framework import types_pb2

from serving.server.json.parser import JsonObject, Value, parse
from serving.server.json.writer import echo
from serving.server.runtime.saved_model import (
    Array,
    Signature,
    Tensor,
    Tensors,
    dtype_word,
    shape_text,
)
from serving.server.status import Code, StatusError, invalid_argument

INT32 = (-(2**31), 2**31 - 1)
# The range of integer tokens that each dtype accepts.
INTEGER_RANGES: dict[int, tuple[int, int]] = {
    types_pb2.DT_INT32: INT32,
    types_pb2.DT_INT16: INT32,  # values outside the range of these three types wrap
    types_pb2.DT_INT8: INT32,
    types_pb2.DT_UINT8: INT32,
    types_pb2.DT_INT64: (-(2**63), 2**63 - 1),
    types_pb2.DT_UINT32: (0, 2**32 - 1),
    types_pb2.DT_UINT64: (0, 2**64 - 1),
}
# The NumPy types to read the accepted tokens as, and to convert them to.
ARRAY_TYPES: dict[int, tuple[type, type]] = {
    types_pb2.DT_FLOAT: (np.float64, np.float32),
    types_pb2.DT_DOUBLE: (np.float64, np.float64),
    types_pb2.DT_INT32: (np.int32, np.int32),
    types_pb2.DT_INT16: (np.int32, np.int16),
    types_pb2.DT_INT8: (np.int32, np.int8),
    types_pb2.DT_UINT8: (np.int32, np.uint8),
    types_pb2.DT_INT64: (np.int64, np.int64),
    types_pb2.DT_UINT32: (np.uint32, np.uint32),
    types_pb2.DT_UINT64: (np.uint64, np.uint64),
    types_pb2.DT_BOOL: (np.bool_, np.bool_),
    types_pb2.DT_STRING: (np.object_, np.object_),
}
BASE64 = re.compile(rb"([A-Za-z0-9+/]*)([=.]*)")  # absl accepts a dot as padding, too
BLANKS = b" \t\n\v\f\r"
NUMPY_RANK = 64  # NPY_MAXDIMS


class Format(Enum):
    """The format of a request; the value is the key of the response."""

    ROW = "predictions"
    COLUMNAR = "outputs"


def read_predict(
    body: bytes, find_signature: Callable[[str], Signature]
) -> tuple[Signature, Format, Tensors]:
    """Read a predict request.

    Args:
        body: the JSON.
        find_signature: returns the signature of a name (`""`: the default one), or raises.

    Raises:
        StatusError: the first error, in TensorFlow Serving's order of checks.
    """
    document = parse_object(body)
    signature = find_signature(signature_name(document).decode("utf-8", "surrogateescape"))
    if not signature.inputs:
        raise invalid_argument(f"Failed to get input map for signature: {signature.name}")
    has_instances = document.has(b"instances")
    if has_instances and document.has(b"inputs"):
        raise format_error(
            document,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )
    if has_instances:
        instances = document.get(b"instances")
        if not isinstance(instances, list):
            raise format_error(document, "Expecting 'instances' to be an list/array")
        if not instances:
            raise format_error(document, "No values in 'instances' array")
        return signature, Format.ROW, _rows(instances, signature.inputs)
    if document.has(b"inputs"):
        columns = _columns(document.get(b"inputs"), signature.inputs)
        return signature, Format.COLUMNAR, columns
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def parse_object(body: bytes) -> JsonObject:
    document = parse(body)
    if not isinstance(document, JsonObject):
        raise format_error(document, "Is not object")
    return document


def signature_name(document: JsonObject) -> bytes:
    if not document.has(b"signature_name"):
        return b""
    name = document.get(b"signature_name")
    if not isinstance(name, bytes):
        raise format_error(
            document, "not formatted correctly. 'signature_name' key must be a string value."
        )
    return name


def format_error(value: Value, message: str) -> StatusError:
    return invalid_argument(f"JSON Value: {echo(value)} {message}")


def check_shapes(signature: Signature, tensors: Tensors) -> None:
    """Refuse a tensor whose shape contradicts the signature.

    TensorFlow Serving has no such check, and a wrong rank can end its process.
    """
    for name, array in tensors.items():
        signature.check_shape(name, array.shape)


def _rows(instances: list[Value], inputs: Mapping[str, Tensor]) -> Tensors:
    """Return an array of shape `[number of items] + shape of an item` for every input."""
    if not isinstance(instances[0], JsonObject) and len(inputs) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    if _is_named(instances[0]):
        return _named_rows(instances, inputs)
    (name, tensor), *_ = inputs.items()
    flat = _regular(instances, _shape(instances), tensor.dtype)
    if flat is not None:
        return {name: _array(flat, _shape(instances), tensor.dtype)}
    rows = _Rows(inputs)
    for index, item in enumerate(instances):
        if _is_named(item):
            raise invalid_argument(
                f"Expecting value/list but got object at item {index} of input list"
            )
        try:
            rows.add(name, item)
        except StatusError as error:
            raise invalid_argument(
                f"Failed to process element: {index} of 'instances' list. Error: {error}"
            ) from None
    return rows.arrays(len(instances))


def _named_rows(instances: list[Value], inputs: Mapping[str, Tensor]) -> Tensors:
    rows = _Rows(inputs)
    for index, item in enumerate(instances):
        if not isinstance(item, JsonObject) or not _is_named(item):
            raise invalid_argument(f"Expecting object but got list at item {index} of input list")
        names: set[str] = set()
        for key, value in item.items:
            name = key.decode("utf-8", "surrogateescape")
            if name in names:
                continue
            names.add(name)
            try:
                rows.add(name, value)
            except StatusError as error:
                raise invalid_argument(
                    f"Failed to process element: {index} key: {name} of 'instances' list. "
                    f"Error: {error}"
                ) from None
        if names != set(inputs):
            raise invalid_argument(
                f"Failed to process element: {index} of 'instances' list. JSON object: "
                f"{echo(item)} keys must be equal to: {','.join(sorted(inputs))}"
            )
    return rows.arrays(len(instances))


class _Rows:
    """The items collected for each input; all items of an input have the same shape."""

    def __init__(self, inputs: Mapping[str, Tensor]) -> None:
        self._inputs = inputs
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._values: dict[str, list[Value]] = {}

    def add(self, name: str, item: Value) -> None:
        if name not in self._inputs:
            raise invalid_argument(f"JSON object: does not have named input: {name}")
        shape = _shape(item)
        flat = _fill(item, shape, self._inputs[name].dtype)
        if name not in self._shapes:
            self._shapes[name] = shape
            self._values[name] = []
        first = self._shapes[name]
        if prod(first) != len(flat):
            raise invalid_argument(f"Expecting tensor size: {prod(first)} but got: {len(flat)}")
        if first != shape:
            raise invalid_argument(
                f"Expecting shape {shape_text(first)} but got: {shape_text(shape)}"
            )
        self._values[name].extend(flat)

    def arrays(self, count: int) -> Tensors:
        return {
            name: _array(self._values[name], (count, *shape), self._inputs[name].dtype)
            for name, shape in self._shapes.items()
        }


def _columns(value: Value, inputs: Mapping[str, Tensor]) -> Tensors:
    """Return one array for every input; no common batch size is needed, extra names are ignored."""
    if not isinstance(value, JsonObject) or is_base64(value):
        if len(inputs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        (name, tensor), *_ = inputs.items()
        return {name: _tensor(value, tensor.dtype)}
    arrays: Tensors = {}
    for name, tensor in inputs.items():
        key = name.encode("utf-8", "surrogateescape")
        if not value.has(key):
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = _tensor(value.get(key), tensor.dtype)
    return arrays


def _tensor(value: Value, dtype: int) -> Array:
    shape = _shape(value)
    return _array(_fill(value, shape, dtype), shape, dtype)


def _shape(value: Value) -> tuple[int, ...]:
    """Return the shape that the first elements imply (`GetDenseTensorShape`); () for a scalar."""
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _is_named(value: Value) -> bool:
    """Return whether an item of `instances` is an object that names its inputs."""
    return isinstance(value, JsonObject) and not is_base64(value)


def is_base64(value: Value) -> bool:
    """Return whether `value` is `{"b64": "a string"}`, which always means bytes."""
    return (
        isinstance(value, JsonObject)
        and len(value.items) == 1
        and value.items[0][0] == b"b64"
        and isinstance(value.items[0][1], bytes)
    )


def decode_base64(value: Value) -> bytes:
    """Return the bytes of `{"b64": …}` as absl::Base64Unescape decodes them.

    Raises:
        StatusError: `value` is another kind of object, or its text is not base64.
    """
    if not isinstance(value, JsonObject) or not is_base64(value):
        raise invalid_argument(f"JSON Value: {echo(value)} not formatted correctly for base64 data")
    text = value.items[0][1]
    assert isinstance(text, bytes)  # checked by is_base64  # noqa: S101
    match = BASE64.fullmatch(text.translate(None, BLANKS))
    if match is None:
        raise invalid_argument("Unable to base64 decode")
    digits, padding = match.groups()
    missing = -len(digits) % 4
    if missing == 3 or (padding and len(padding) != missing):
        raise invalid_argument("Unable to base64 decode")
    return base64.b64decode(digits + b"=" * missing)


def _fill(value: Value, shape: tuple[int, ...], dtype: int) -> list[Value]:
    """Return the scalars of a nested list in order.

    Raises:
        StatusError: the first element that is wrong.
    """
    flat = _regular(value, shape, dtype)
    return flat if flat is not None else _walk(value, shape, dtype)


def _regular(value: Value, shape: tuple[int, ...], dtype: int) -> list[Value] | None:
    """Return the scalars of a nested list, level by level; None if any element is wrong."""
    level: list[Value] = [value]
    for size in shape:
        lists: list[list[Value]] = []
        for item in level:
            if type(item) is not list or len(item) != size:
                return None
            lists.append(item)
        level = list(chain.from_iterable(lists))
    kinds = set(map(type, level))
    if dtype in (types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE):
        return level if kinds <= {int, float} else None
    if dtype in INTEGER_RANGES:
        if not kinds <= {int}:
            return None
        low, high = INTEGER_RANGES[dtype]
        integers: list[int] = level  # type: ignore[assignment]  # checked by kinds
        return level if not level or (min(integers) >= low and max(integers) <= high) else None
    if dtype == types_pb2.DT_BOOL:
        return level if kinds <= {bool} else None
    if dtype == types_pb2.DT_STRING:
        if kinds <= {bytes}:
            return level
        return (
            [decode_base64(item) for item in level]
            if kinds == {JsonObject} and all(map(is_base64, level))
            else None
        )
    return level if not level else None


def _walk(value: Value, shape: tuple[int, ...], dtype: int) -> list[Value]:
    """Collect the scalars depth first, with an explicit stack because nesting is not limited."""
    rank = len(shape)
    flat: list[Value] = []
    pending: list[tuple[Value, int]] = [(value, 0)]
    while pending:
        item, level = pending.pop()
        if not isinstance(item, list):
            if level != rank:
                raise invalid_argument(
                    f"JSON Value: {echo(item)} found at incorrect level: {level + 1} in the JSON "
                    f"DOM. Expected at level: {rank}"
                )
            flat.append(_scalar(item, dtype))
            continue
        if level >= rank:
            raise invalid_argument(
                f"Encountered list at unexpected level: {level} expected < {rank}"
            )
        if len(item) != shape[level]:
            raise invalid_argument(
                f"Encountered list at unexpected size: {len(item)} at level: {level} "
                f"expected size: {shape[level]}"
            )
        pending.extend((child, level + 1) for child in reversed(item))
    return flat


def _scalar(value: Value, dtype: int) -> Value:
    kind = type(value)
    if isinstance(value, JsonObject):
        if dtype == types_pb2.DT_STRING:
            return decode_base64(value)
        raise _type_error(value, dtype)
    if dtype in (types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE):
        accepted = kind in (int, float)
    elif dtype in INTEGER_RANGES:
        low, high = INTEGER_RANGES[dtype]
        accepted = kind is int and low <= value <= high  # type: ignore[operator]
    elif dtype == types_pb2.DT_BOOL:
        accepted = kind is bool
    elif dtype == types_pb2.DT_STRING:
        accepted = kind is bytes
    else:
        raise StatusError(
            Code.UNIMPLEMENTED,
            f"Conversion of JSON Value: {echo(value)} to type: {dtype_word(dtype)}",
        )
    if not accepted:
        raise _type_error(value, dtype)
    return value


def _type_error(value: Value, dtype: int) -> StatusError:
    return invalid_argument(
        f"JSON Value: {echo(value)} Type: {type_word(value)} is not of expected type: "
        f"{dtype_word(dtype)}"
    )


def type_word(value: Value) -> str:
    """Return rapidjson's name for a value's type."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, bytes):
        return "String"
    if isinstance(value, list):
        return "Array"
    return "Object" if isinstance(value, JsonObject) else "Number"


def _array(flat: list[Value], shape: tuple[int, ...], dtype: int) -> Array:
    if len(shape) > NUMPY_RANK:
        raise invalid_argument(f"A tensor of rank {len(shape)} is deeper than {NUMPY_RANK} levels")
    if dtype not in ARRAY_TYPES:  # only an empty list gets here, values are refused earlier
        raise StatusError(
            Code.UNIMPLEMENTED, f"Conversion of JSON Value: [] to type: {dtype_word(dtype)}"
        )
    read_as, becomes = ARRAY_TYPES[dtype]
    array: Array
    if read_as is np.object_:
        array = np.empty(len(flat), np.object_)
        array[:] = flat
    else:
        with np.errstate(over="ignore"):  # 1e39 becomes Infinity in a float
            array = np.array(flat, read_as).astype(becomes)
    return array.reshape(shape)
