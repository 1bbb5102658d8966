"""The classify and regress methods: tf.Examples from JSON, one run, results as JSON.

Follows `FillClassifyRegressRequestFromJson` of json_tensor.cc, and `classifier.cc` and
`regressor.cc` of servables/tensorflow.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework import types_pb2

from serving.server.json.float_formatting import format_floats
from serving.server.json.parser import JsonObject, Value
from serving.server.json.predict_request import (
    decode_base64,
    format_error,
    is_base64,
    parse_object,
    signature_name,
    type_word,
)
from serving.server.json.writer import quote
from serving.server.runtime.saved_model import Array, Signature
from serving.server.status import failed_precondition, invalid_argument

CLASSIFY = "classify"
REGRESS = "regress"
METHOD_NAMES = {
    CLASSIFY: "tensorflow/serving/classify",
    REGRESS: "tensorflow/serving/regress",
    "predict": "tensorflow/serving/predict",
}
INPUTS = "inputs"  # the input that takes the examples
KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}

# Runs a model: (name of the fed tensor, names of the fetched tensors, examples) -> outputs.
RunExamples = Callable[[str, tuple[str, ...], Array], list[Array]]


def read_examples(body: bytes) -> tuple[str, Array]:
    """Read the body of a classify or regress request.

    Returns:
        The signature's name, and the serialized examples: (examples,) of bytes.

    Raises:
        StatusError: the first error, in TensorFlow Serving's order of checks.
    """
    document = parse_object(body)
    name = signature_name(document).decode("utf-8", "surrogateescape")
    context = b""
    if document.has(b"context"):
        context = _example(document.get(b"context")).SerializeToString(deterministic=True)
    if not document.has(b"examples"):
        raise format_error(
            document, "When method is classify, key 'examples' is expected and was not found"
        )
    examples = document.get(b"examples")
    if not isinstance(examples, list):
        raise format_error(document, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise format_error(document, "'examples' value is an empty array")
    serialized = np.empty(len(examples), np.object_)
    # Concatenated serialized messages merge; the example's features override the context's.
    serialized[:] = [
        context + _example(each).SerializeToString(deterministic=True) for each in examples
    ]
    return name, serialized


def _example(value: Value) -> tf.train.Example:
    if not isinstance(value, JsonObject):
        raise invalid_argument(f"Example must be JSON object but got JSON {type_word(value)}")
    example = tf.train.Example()
    for key, content in value.items:
        name = key.decode("utf-8", "replace")
        feature = tf.train.Feature()
        for element in content if isinstance(content, list) else [content]:
            _add(feature, name, element)
        example.features.feature[name].CopyFrom(feature)
    return example


def _add(feature: tf.train.Feature, name: str, value: Value) -> None:
    """Append one value; all values of a feature have the kind of the first."""
    if (
        value is None
        or isinstance(value, list)
        or (isinstance(value, JsonObject) and not is_base64(value))
    ):
        raise invalid_argument(
            f"Feature: {name} has element with unexpected JSON type: {type_word(value)}"
        )
    if isinstance(value, JsonObject):
        _check_kind(feature, name, "bytes_list")
        feature.bytes_list.value.append(decode_base64(value))
    elif isinstance(value, bytes):
        _check_kind(feature, name, "bytes_list")
        feature.bytes_list.value.append(value)
    elif isinstance(value, float):
        _check_kind(feature, name, "float_list")
        with np.errstate(over="ignore"):
            feature.float_list.value.append(float(np.float32(value)))
    else:  # an integer or a bool
        _check_kind(feature, name, "int64_list")
        if value >= 2**63:
            raise invalid_argument(
                f"Feature: {name} has uint64_t element. Only int64_t is supported."
            )
        feature.int64_list.value.append(int(value))


def _check_kind(feature: tf.train.Feature, name: str, kind: str) -> None:
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise invalid_argument(
            f"Unexpected element type in feature: {name} expecting type: {KINDS[present]}"
        )


def check_method_name(method: str, signature: Signature, *, enforced: bool) -> None:
    """Refuse a signature made for another method, if --enable_signature_method_name_check."""
    if not enforced:
        return
    expected = METHOD_NAMES[method]
    if method == "predict":
        if signature.method_name not in METHOD_NAMES.values():
            raise invalid_argument(
                "Expected prediction signature method_name to be one of {"
                + ", ".join(METHOD_NAMES[each] for each in ("predict", CLASSIFY, REGRESS))
                + f"}}. Was: {signature.method_name}"
            )
        return
    if signature.method_name != expected:
        word = "classification" if method == CLASSIFY else "regression"
        raise invalid_argument(
            f"Expected {word} signature method_name to be {expected}. Was: {signature.method_name}"
        )


def classify(signature: Signature, examples: Array, run: RunExamples) -> bytes:
    """Return the labels and scores of each example as JSON.

    Raises:
        StatusError: the signature or its outputs do not suit classification.
    """
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(
            f"Expected one or two output Tensors, found {len(signature.outputs)}"
        )
    if INPUTS not in signature.inputs:
        raise failed_precondition(
            f"No classification inputs found in SignatureDef: {signature.text}"
        )
    names = [name for name in ("classes", "scores") if name in signature.outputs]
    if not names:
        raise failed_precondition(
            "Expected classification signature outputs to contain at least one of "
            f'"classes" or "scores". Signature was: {signature.text}'
        )
    outputs = dict(zip(names, _run(signature, names, examples, run), strict=True))
    for name, dtype in (("classes", types_pb2.DT_STRING), ("scores", types_pb2.DT_FLOAT)):
        if name in outputs:
            _check_matrix(signature, name, outputs[name], dtype, len(examples))
    widths = [array.shape[1] for array in outputs.values()]
    if len(set(widths)) > 1:
        raise invalid_argument(
            f"Tensors class and score should match in dim_size(1). Got {widths[0]} vs. {widths[1]}"
        )
    shape = (len(examples), widths[0])
    labels = outputs["classes"] if "classes" in outputs else np.full(shape, b"", np.object_)
    scores = outputs.get("scores", np.zeros(shape, np.float32))
    texts = iter(format_floats(scores.ravel()))
    results = [
        "["
        + ", ".join(
            f"[{quote(label).decode('utf-8', 'surrogateescape')}, {next(texts)}]" for label in row
        )
        + "]"
        for row in labels.tolist()
    ]
    return _results(results)


def _check_matrix(signature: Signature, name: str, array: Array, dtype: int, examples: int) -> None:
    if array.ndim != 2:
        raise invalid_argument(
            "Expected Tensor shape: [batch_size num_classes] but got "
            f"[{','.join(map(str, array.shape))}]"
        )
    if signature.outputs[name].dtype != dtype:
        raise invalid_argument(
            f"Expected {name} Tensor of {types_pb2.DataType.Name(dtype)}. Got: "
            f"{types_pb2.DataType.Name(signature.outputs[name].dtype)}"
        )
    if array.shape[0] != examples:
        raise invalid_argument(
            f"Expected {name} output batch size of {examples}. Got: {array.shape[0]}"
        )


def regress(signature: Signature, examples: Array, run: RunExamples) -> bytes:
    """Return one number for each example as JSON.

    Raises:
        StatusError: the signature or its output does not suit regression.
    """
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if INPUTS not in signature.inputs:
        raise failed_precondition(f"No regression inputs found in SignatureDef: {signature.text}")
    if "outputs" not in signature.outputs:
        raise failed_precondition(f"No regression outputs found in SignatureDef: {signature.text}")
    (output,) = _run(signature, ["outputs"], examples, run)
    if output.ndim != 1 and not (output.ndim == 2 and output.shape[1] == 1):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"[{','.join(map(str, output.shape))}]"
        )
    if output.shape[0] != len(examples):
        raise invalid_argument(
            f"Expected output batch size to be {len(examples)}. Got: {output.shape[0]}"
        )
    dtype = signature.outputs["outputs"].dtype
    if dtype != types_pb2.DT_FLOAT:
        raise invalid_argument(
            f"Expected output Tensor of DT_FLOAT.  Got: {types_pb2.DataType.Name(dtype)}"
        )
    values: NDArray[np.float32] = output.ravel()
    return _results(format_floats(values))


def _run(signature: Signature, names: list[str], examples: Array, run: RunExamples) -> list[Array]:
    fetches = tuple(signature.outputs[name].tensor_name for name in names)
    return run(signature.inputs[INPUTS].tensor_name, fetches, examples)


def _results(texts: list[str]) -> bytes:
    text = f'{{\n    "results": [{", ".join(texts)}\n    ]\n}}'
    return text.encode("utf-8", "surrogateescape")
