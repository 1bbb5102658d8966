"""Checks the tensors that a version declares, and its warm-up records against them.

A model server replays the warm-up records when it loads a version. TensorFlow Serving does not
compare their shapes with the signature, and a wrong rank ends its process, again at each restart
while the configuration names the version. This check needs no TensorFlow, so the site's image can
make it before a version is published: it reads the two files with the few messages of
`serving/protos/saved_model.proto`.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from serving.protos.saved_model_pb2 import (
    DataType,
    PredictionLog,
    SavedModel,
    SignatureDef,
    TensorInfo,
    TensorProto,
    TensorShapeProto,
)

GRAPH = "saved_model.pb"
WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"
TAG = "serve"
SIGNATURE = "serving_default"
INPUT, OUTPUT = "image", "probabilities"
INPUT_SHAPE = (-1, 28, 28, 1)  # -1: any size
MAX_GRAPH_BYTES = 256 << 20  # the bundled versions have 2 MB, weights included
MAX_WARM_UP_BYTES = 64 << 20  # 20,000 instances
MAX_RECORDS = 1000  # TensorFlow Serving's WarmupConsts::kMaxNumRecords
MAX_BATCH = 64  # of serving/batching.config: the model server does not load a larger record
FLOAT_BYTES = 4
RECORD_HEADER = struct.Struct("<QI")  # TFRecord: the length of a record, and a checksum of it
RECORD_FOOTER_BYTES = 4  # a checksum of the record

M = TypeVar("M", bound=Message)


class InvalidModel(Exception):
    """The version must not be served; the message gives the reason."""


def check_declared_tensors(version_dir: Path) -> int:
    """Checks the signature and the warm-up records; returns the number of records.

    Raises:
        InvalidModel: names the first thing that is wrong, and what would be right.
        OSError: a file cannot be read.
    """
    signature = _signature(version_dir)
    wanted = _only(signature.inputs, INPUT, "input")
    _only(signature.outputs, OUTPUT, "output")
    if wanted.dtype != DataType.DT_FLOAT or not _is_compatible(wanted.tensor_shape):
        raise InvalidModel(
            f"its input {INPUT!r} is {_dtype(wanted.dtype)} {_shape(wanted.tensor_shape)}; it must "
            f"be float {_text(INPUT_SHAPE)} (-1: any size)"
        )
    count = 0
    for record in _records(version_dir / WARM_UP):
        count += 1
        if count > MAX_RECORDS:
            raise InvalidModel(f"{WARM_UP} holds more than {MAX_RECORDS} records")
        log = _parsed(record, PredictionLog(), f"record {count} of {WARM_UP}")
        _check_record(log, f"record {count} of {WARM_UP}")
    return count


def _signature(version_dir: Path) -> SignatureDef:
    data = _read(version_dir / GRAPH, MAX_GRAPH_BYTES)
    saved = _parsed(data, SavedModel(), GRAPH)
    for graph in saved.meta_graphs:
        if set(graph.meta_info_def.tags) == {TAG}:
            if SIGNATURE not in graph.signature_def:
                raise InvalidModel(
                    f"it has no signature {SIGNATURE!r}, only {sorted(graph.signature_def)}"
                )
            return graph.signature_def[SIGNATURE]
    raise InvalidModel(f"{GRAPH} has no graph with the tag {TAG!r}")


def _only(infos: Mapping[str, TensorInfo], name: str, kind: str) -> TensorInfo:
    if sorted(infos) != [name]:
        raise InvalidModel(f"its {kind}s are {sorted(infos)}; the one {kind} must be {name!r}")
    return infos[name]


def _is_compatible(shape: TensorShapeProto) -> bool:
    """Returns whether a declared shape admits instances in a batch of any size."""
    if shape.unknown_rank:
        return True
    sizes = [dim.size for dim in shape.dim]
    return len(sizes) == len(INPUT_SHAPE) and all(
        size in (-1, wanted) for size, wanted in zip(sizes, INPUT_SHAPE, strict=True)
    )


def _check_record(log: PredictionLog, where: str) -> None:
    kind = log.WhichOneof("log_type")
    if kind != "predict_log":
        raise InvalidModel(f"{where} is a {kind or 'record of another kind'}, not a predict_log")
    request = log.predict_log.request
    name = request.model_spec.signature_name or SIGNATURE
    if name != SIGNATURE or sorted(request.inputs) != [INPUT]:
        raise InvalidModel(
            f"{where} asks {name!r} for {sorted(request.inputs)}; it must ask {SIGNATURE!r} for "
            f"[{INPUT!r}]"
        )
    _check_tensor(request.inputs[INPUT], where)


def _check_tensor(tensor: TensorProto, where: str) -> None:
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    fits = len(shape) == len(INPUT_SHAPE) and shape[1:] == INPUT_SHAPE[1:]
    if tensor.dtype != DataType.DT_FLOAT or not fits or tensor.tensor_shape.unknown_rank:
        raise InvalidModel(
            f"{where}: its {INPUT!r} is {_dtype(tensor.dtype)} {_shape(tensor.tensor_shape)}, "
            f"which does not fit float {_text(INPUT_SHAPE)} (-1: any size), the input of "
            f"{SIGNATURE!r}; a model server that replays it could end"
        )
    if not 1 <= shape[0] <= MAX_BATCH:
        raise InvalidModel(
            f"{where}: its {INPUT!r} holds {shape[0]} instances; a model server that runs requests "
            f"in batches takes 1 to {MAX_BATCH}"
        )
    values, content = len(tensor.float_val), len(tensor.tensor_content)
    needed = math.prod(shape)
    # Either all bytes, or a list of values whose last one is repeated.
    complete = content == needed * FLOAT_BYTES if content else values <= needed
    if not complete:
        raise InvalidModel(f"{where}: its {INPUT!r} does not hold {needed} values")


def _records(path: Path) -> Iterator[bytes]:
    """Yields the records of a TFRecord file, without a check of their checksums."""
    if not path.exists():
        return
    data = _read(path, MAX_WARM_UP_BYTES)
    start = 0
    while start < len(data):
        end = len(data)
        if start + RECORD_HEADER.size <= end:
            length, _ = RECORD_HEADER.unpack_from(data, start)
            start += RECORD_HEADER.size
            end = start + length
        if end + RECORD_FOOTER_BYTES > len(data):
            raise InvalidModel(f"{WARM_UP} ends within a record; it is not a TFRecord file")
        yield data[start:end]
        start = end + RECORD_FOOTER_BYTES


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InvalidModel(f"{path.name} is larger than {limit >> 20} MiB")
    return data


def _parsed(data: bytes, message: M, name: str) -> M:
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise InvalidModel(
            f"{name} is damaged: it is not a {message.DESCRIPTOR.name} message"
        ) from None
    return message


def _dtype(number: int) -> str:
    try:
        return DataType.Name(number).removeprefix("DT_").lower()
    except ValueError:
        return f"of type {number}"


def _shape(shape: TensorShapeProto) -> str:
    return "of unknown rank" if shape.unknown_rank else _text([dim.size for dim in shape.dim])


def _text(sizes: object) -> str:
    return str(list(sizes))  # type: ignore[call-overload]
