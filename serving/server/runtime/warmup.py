"""Warm-up: runs a version's recorded requests before the version serves (`--enable_model_warmup`).

`assets.extra/tf_serving_warmup_requests` is a TFRecord file of `PredictionLog`. If a record
fails, so does the load (`saved_model_warmup_util.cc`).
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import input_pb2, prediction_log_pb2

from serving.server.runtime.saved_model import DEFAULT_SIGNATURE, SavedModel, Signature
from serving.server.status import Code, StatusError, invalid_argument

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000  # WarmupConsts::kMaxNumRecords


def warm_up(model: SavedModel, directory: Path, *, iterations: int = 1) -> int:
    """Run each record `iterations` times; return the number of records.

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
            _replay(model, log)
    return count


def _replay(model: SavedModel, log: prediction_log_pb2.PredictionLog) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        _predict(model, log)
    elif kind == "classify_log":
        request = log.classify_log.request
        _examples(model, request.model_spec.signature_name, request.input, ("classes", "scores"))
    elif kind == "regress_log":
        request = log.regress_log.request
        _examples(model, request.model_spec.signature_name, request.input, ("outputs",))
    elif kind == "multi_inference_log":
        for task in log.multi_inference_log.request.tasks:
            _examples(
                model,
                task.model_spec.signature_name,
                log.multi_inference_log.request.input,
                ("classes", "scores", "outputs"),
            )
    else:
        raise StatusError(
            Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {log.WhichOneof('log_type')}"
        )


def _predict(model: SavedModel, log: prediction_log_pb2.PredictionLog) -> None:
    request = log.predict_log.request
    signature = _signature(model, request.model_spec.signature_name)
    if request.inputs.keys() != signature.inputs.keys():
        raise invalid_argument(
            f"input size does not match signature: {len(request.inputs)}!="
            f"{len(signature.inputs)} len({{{','.join(sorted(request.inputs))}}}) != "
            f"len({{{','.join(sorted(signature.inputs))}}})"
        )
    inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
    model.run(signature, inputs)


def _examples(
    model: SavedModel, name: str, examples: input_pb2.Input, outputs: tuple[str, ...]
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
    model.run_tensors((signature.inputs["inputs"].tensor_name,), fetches, [serialized])


def _signature(model: SavedModel, name: str) -> Signature:
    found = model.signatures.get(name or DEFAULT_SIGNATURE)
    if found is None:
        raise invalid_argument(f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found.')
    return found
