"""Warm-up: runs a version's recorded requests before the version serves (`--enable_model_warmup`).

`assets.extra/tf_serving_warmup_requests` is a TFRecord file of `PredictionLog`. If a record
fails, so does the load (`saved_model_warmup_util.cc`).
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import input_pb2, prediction_log_pb2

from serving.server.runtime.saved_model import (
    DEFAULT_SIGNATURE,
    Array,
    SavedModel,
    Signature,
    dtype_word,
)
from serving.server.status import Code, StatusError, invalid_argument

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_TENSOR_BYTES = 1 << 28  # of one input; a full batch of 64 digits takes 200 kB
MAX_RECORDS = 1000  # WarmupConsts::kMaxNumRecords

# Runs the model: (names of the fed tensors, names of the fetched tensors, values) -> outputs.
RunTensors: TypeAlias = Callable[[tuple[str, ...], tuple[str, ...], Sequence[Array]], list[Array]]


def warm_up(
    model: SavedModel, directory: Path, *, run: RunTensors | None = None, iterations: int = 1
) -> int:
    """Run each record `iterations` times; return the number of records.

    Args:
        model: the loaded version.
        directory: of the version.
        run: runs the model as requests do, so that a record which cannot be batched fails here
            and not for a visitor; None: `model.run_tensors`.
        iterations: runs of each record.

    Raises:
        StatusError, tf.errors.OpError: the file is damaged or too long, or a record failed.
    """
    file = directory / FILE
    if not file.exists():
        return 0
    count = 0
    for record in tf.compat.v1.io.tf_record_iterator(str(file)):
        count += 1
        if count > MAX_RECORDS:
            raise invalid_argument(
                f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {file}"
            )
        log = prediction_log_pb2.PredictionLog()
        try:
            log.ParseFromString(record)
        except DecodeError:
            raise invalid_argument(
                f"Failed to parse warmup record: {record[:64]!r} from {file}"
            ) from None
        for _ in range(iterations):
            _replay(model, log, run or model.run_tensors)
    return count


def _replay(model: SavedModel, log: prediction_log_pb2.PredictionLog, run: RunTensors) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        _predict(model, log, run)
    elif kind == "classify_log":
        request = log.classify_log.request
        outputs = ("classes", "scores")
        _examples(model, request.model_spec.signature_name, request.input, outputs, run)
    elif kind == "regress_log":
        request = log.regress_log.request
        _examples(model, request.model_spec.signature_name, request.input, ("outputs",), run)
    elif kind == "multi_inference_log":
        for task in log.multi_inference_log.request.tasks:
            _examples(
                model,
                task.model_spec.signature_name,
                log.multi_inference_log.request.input,
                ("classes", "scores", "outputs"),
                run,
            )
    else:
        raise StatusError(
            Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {log.WhichOneof('log_type')}"
        )


def _predict(model: SavedModel, log: prediction_log_pb2.PredictionLog, run: RunTensors) -> None:
    request = log.predict_log.request
    signature = _signature(model, request.model_spec.signature_name)
    if request.inputs.keys() != signature.inputs.keys():
        raise invalid_argument(
            f"input size does not match signature: {len(request.inputs)}!="
            f"{len(signature.inputs)} len({{{','.join(sorted(request.inputs))}}}) != "
            f"len({{{','.join(sorted(signature.inputs))}}})"
        )
    for name, tensor in request.inputs.items():
        _check_tensor(signature, name, tensor)
    feeds = tuple(signature.inputs[name].tensor_name for name in request.inputs)
    fetches = tuple(output.tensor_name for output in signature.outputs.values())
    run(feeds, fetches, [tf.make_ndarray(tensor) for tensor in request.inputs.values()])


def _check_tensor(signature: Signature, name: str, tensor: tensor_pb2.TensorProto) -> None:
    """Refuse a tensor that contradicts the signature, before it takes memory or runs.

    TensorFlow Serving has no such check. There a wrong rank can end the process, and again
    whenever it is started while the configuration names the version.
    """
    wanted = signature.inputs[name].dtype
    if tensor.dtype != wanted:
        raise invalid_argument(
            f"Input tensor {name} is {dtype_word(tensor.dtype)}, but signature {signature.name} "
            f"declares {dtype_word(wanted)}"
        )
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if min(shape, default=0) < 0 or tensor.tensor_shape.unknown_rank:
        raise invalid_argument(f"Input tensor {name} has an unknown or negative dimension")
    signature.check_shape(name, shape)
    size = math.prod(shape) * max(tf.as_dtype(wanted).size, 1)
    if size > MAX_TENSOR_BYTES:
        raise invalid_argument(
            f"Input tensor {name} declares {size} bytes; a warm-up record may have at most "
            f"{MAX_TENSOR_BYTES}"
        )


def _examples(
    model: SavedModel,
    name: str,
    examples: input_pb2.Input,
    outputs: tuple[str, ...],
    run: RunTensors,
) -> None:
    signature = _signature(model, name)
    context = b""
    listed = examples.example_list.examples
    if examples.WhichOneof("kind") == "example_list_with_context":
        context = examples.example_list_with_context.context.SerializeToString()
        listed = examples.example_list_with_context.examples
    serialized = np.empty(len(listed), np.object_)
    serialized[:] = [context + each.SerializeToString() for each in listed]
    fetches = tuple(
        signature.outputs[each].tensor_name for each in outputs if each in signature.outputs
    )
    if "inputs" not in signature.inputs or not fetches or not len(serialized):
        raise invalid_argument(f"Warmup record does not fit signature {signature.name}")
    run((signature.inputs["inputs"].tensor_name,), fetches, [serialized])


def _signature(model: SavedModel, name: str) -> Signature:
    found = model.signatures.get(name or DEFAULT_SIGNATURE)
    if found is None:
        raise invalid_argument(f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found.')
    return found
