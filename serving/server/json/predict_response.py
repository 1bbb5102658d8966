"""Writes a model's outputs as the JSON of a predict response.

Follows `MakeJsonFromTensors` of json_tensor.cc.
"""

import base64
from collections.abc import Iterator
from math import prod

from tensorflow.core.framework import types_pb2

from serving.server.json.float_formatting import format_doubles, format_floats
from serving.server.json.predict_request import INTEGER_RANGES, Format
from serving.server.json.writer import quote
from serving.server.runtime.saved_model import Array, Signature, Tensors, dtype_word
from serving.server.status import invalid_argument

INDENT = "    "  # rapidjson's PrettyWriter
BYTES_SUFFIX = "_bytes"  # string outputs with this suffix are base64, all others raw


def write_predict(signature: Signature, request_format: Format, outputs: Tensors) -> bytes:
    """Return the body of a predict response.

    Raises:
        StatusError: an output cannot be written, or the outputs differ in their number of rows.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    write = _rows if request_format is Format.ROW else _columns
    text = write(signature, outputs)
    return f'{{\n    "{request_format.value}": {text}\n}}'.encode("utf-8", "surrogateescape")


def _rows(signature: Signature, outputs: Tensors) -> str:
    count = -1
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if count >= 0 and array.shape[0] != count:
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {array.shape[0]} "
                f"expecting: {count}"
            )
        count = array.shape[0]
    outer = 2 if len(outputs) == 1 else 3
    columns = {
        name: _nested(
            _scalars(signature, name, array, depth=outer + array.ndim - 1),
            array.shape[1:],
            outermost=count,
        )
        for name, array in outputs.items()
    }
    if len(columns) == 1:
        (rows,) = columns.values()
    else:
        keys = [quote(name.encode()).decode() for name in columns]
        rows = [
            "{\n"
            + ",\n".join(
                f"            {key}: {text}" for key, text in zip(keys, texts, strict=True)
            )
            + "\n        }"
            for texts in zip(*columns.values(), strict=True)
        ]
    return f"[{', '.join(rows)}\n    ]"


def _columns(signature: Signature, outputs: Tensors) -> str:
    """Return the outputs with a line for every element, as TensorFlow Serving prints columns."""
    outer = 1 if len(outputs) == 1 else 2
    texts = {
        name: _multiline(
            iter(_scalars(signature, name, array, depth=outer + array.ndim)), array.shape, outer
        )
        for name, array in outputs.items()
    }
    if len(texts) == 1:
        (text,) = texts.values()
        return text
    members = [f"        {quote(name.encode()).decode()}: {text}" for name, text in texts.items()]
    return "{\n" + ",\n".join(members) + "\n    }"


def _nested(scalars: list[str], shape: tuple[int, ...], *, outermost: int) -> list[str]:
    """Join scalars into `outermost` nested lists of that shape."""
    texts = scalars
    for level in range(len(shape) - 1, -1, -1):
        size, count = shape[level], prod(shape[:level], start=outermost)
        texts = [f"[{', '.join(texts[i * size : (i + 1) * size])}]" for i in range(count)]
    return texts


def _multiline(scalars: Iterator[str], shape: tuple[int, ...], depth: int) -> str:
    """Join scalars into nested lists, `depth` levels deep in the document."""
    if not shape:
        return next(scalars)
    if not shape[0]:
        return "[]"
    inner = INDENT * (depth + 1)
    items = [_multiline(scalars, shape[1:], depth + 1) for _ in range(shape[0])]
    return "[\n" + ",\n".join(inner + item for item in items) + f"\n{INDENT * depth}]"


def _scalars(signature: Signature, name: str, array: Array, *, depth: int) -> list[str]:
    """Return the text of each value; `depth` is that of the innermost list in the document."""
    dtype = signature.outputs[name].dtype
    flat = array.ravel()
    if dtype == types_pb2.DT_FLOAT:
        return format_floats(flat)
    if dtype == types_pb2.DT_DOUBLE:
        return format_doubles(flat)
    if dtype in INTEGER_RANGES:
        return [str(value) for value in flat.tolist()]
    if dtype == types_pb2.DT_BOOL:
        return ["true" if value else "false" for value in flat.tolist()]
    if dtype == types_pb2.DT_STRING:
        values = [_as_bytes(value) for value in flat.tolist()]
        if name.endswith(BYTES_SUFFIX):
            start, end = f"{{\n{INDENT * (depth + 1)}", f"\n{INDENT * depth}}}"
            return [f'{start}"b64": "{base64.b64encode(value).decode()}"{end}' for value in values]
        return [quote(value).decode("utf-8", "surrogateescape") for value in values]
    raise invalid_argument(f"Failed to write JSON value for tensor type: {dtype_word(dtype)}")


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
