"""Small SavedModels with signatures of many shapes, written from graphs in milliseconds."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

v1 = tf.compat.v1
placeholder = v1.placeholder
Ends = tuple[Mapping[str, Any], Mapping[str, Any]]  # inputs, outputs

PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"


def write_model(
    directory: Path,
    signatures: Mapping[str, Callable[[], Ends]],
    *,
    method_name: str = PREDICT,
    init: bool = False,
) -> Path:
    """Write a SavedModel without variables; each function adds one signature to the graph."""
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    with tf.Graph().as_default() as graph:
        for name, make in signatures.items():
            inputs, outputs = make()
            definition = meta.signature_def[name]
            definition.method_name = method_name
            for key, tensor in inputs.items():
                definition.inputs[key].CopyFrom(info(tensor))
            for key, tensor in outputs.items():
                definition.outputs[key].CopyFrom(info(tensor))
        if init:
            operation = v1.tables_initializer()
            meta.collection_def["saved_model_main_op"].node_list.value.append(operation.name)
        meta.graph_def.CopyFrom(graph.as_graph_def())
    directory.mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(saved.SerializeToString())
    return directory


def info(tensor: Any) -> Any:
    made = tf.compat.v1.MetaGraphDef().signature_def["x"].inputs["x"]
    made.name = tensor.name
    made.dtype = tensor.dtype.as_datatype_enum
    made.tensor_shape.CopyFrom(tensor.shape.as_proto())
    return made


def half_plus_two() -> Ends:
    x = placeholder(tf.float32, [None])
    return {"x": x}, {"y": x * 0.5 + 2.0}


def matrix() -> Ends:
    x = placeholder(tf.float32, [None, 2, 2])
    return {"x": x}, {"y": tf.reduce_sum(x, axis=[1, 2])}


def constant(number: int) -> Callable[[], Ends]:
    """Return `number` for every instance, to tell a test which version answered."""

    def make() -> Ends:
        x = placeholder(tf.float32, [None])
        return {"x": x}, {"y": x * 0.0 + float(number)}

    return make


def echo(dtype: Any, shape: list[int | None] | None = None) -> Callable[[], Ends]:
    def make() -> Ends:
        x = placeholder(dtype, shape)
        return {"x": x}, {"y": tf.identity(x)}

    return make


def sum_and_difference() -> Ends:
    a, b = placeholder(tf.float32, [None]), placeholder(tf.float32, [None])
    return {"a": a, "b": b}, {"sum": a + b, "difference": a - b}


def strings() -> Ends:
    x = placeholder(tf.string, [None])
    return {"x": x}, {"text": tf.identity(x), "raw_bytes": tf.identity(x)}


def scalar_output() -> Ends:
    x = placeholder(tf.float32, [None])
    return {"x": x}, {"y": tf.reduce_sum(x)}


def uneven_outputs() -> Ends:
    x = placeholder(tf.float32, [None])
    return {"x": x}, {"p": tf.identity(x), "q": tf.concat([x, x], 0)}


def doubled_rows() -> Ends:
    x = placeholder(tf.float32, [None])
    return {"x": x}, {"y": tf.concat([x, x], 0)}


def reshaped() -> Ends:
    """Fail unless there are four values."""
    x = placeholder(tf.float32, [None])
    return {"x": x}, {"y": tf.reshape(x, [2, 2], name="fold")}


def counting() -> Ends:
    """Count up to x in a loop, for requests of any duration."""
    x = placeholder(tf.float32, [None])
    limit = tf.reduce_max(x)
    counted = tf.while_loop(
        lambda n: n < limit, lambda n: n + 1.0, [tf.constant(0.0)], parallel_iterations=1
    )[0]
    return {"x": x}, {"y": x * 0.0 + counted}


def parsed() -> Any:
    serialized = placeholder(tf.string, [None])
    features = {
        "x": tf.io.FixedLenFeature([], tf.float32),
        "n": tf.io.FixedLenFeature([], tf.int64, default_value=0),
        "s": tf.io.FixedLenFeature([], tf.string, default_value=b""),
    }
    return serialized, tf.io.parse_example(serialized, features)


def classified() -> Ends:
    serialized, example = parsed()
    scores = tf.stack([example["x"], 1.0 - example["x"]], axis=1)
    classes = tf.tile(tf.constant([["yes", "no"]]), [tf.shape(example["x"])[0], 1])
    return {"inputs": serialized}, {"classes": classes, "scores": scores}


def scores_only() -> Ends:
    serialized, example = parsed()
    return {"inputs": serialized}, {"scores": tf.stack([example["x"]], axis=1)}


def regressed() -> Ends:
    serialized, example = parsed()
    value = example["x"] * 2.0 + tf.cast(example["n"], tf.float32)
    return {"inputs": serialized}, {"outputs": value}


def looked_up() -> Ends:
    x = placeholder(tf.string, [None])
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["one", "two"], tf.constant([1, 2], tf.int64)), -1
    )
    return {"x": x}, {"y": table.lookup(x)}


def write_warmup(
    directory: Path,
    values: Any,
    *,
    name: str = "x",
    count: int = 1,
    dtype: Any = tf.float32,
    shape: list[int] | None = None,
) -> None:
    """Write `count` warm-up records that predict `values`, declared to have another `shape`."""
    extra = directory / "assets.extra"
    extra.mkdir()
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = "m"
    tensor = tf.make_tensor_proto(values, dtype)
    if shape is not None:
        tensor.tensor_shape.CopyFrom(tf.TensorShape(None).as_proto())
        tensor.tensor_shape.unknown_rank = False
        for size in shape:
            tensor.tensor_shape.dim.add(size=size)
    request.inputs[name].CopyFrom(tensor)
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for _ in range(count):
            writer.write(log.SerializeToString())
