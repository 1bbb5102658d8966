"""A SavedModel, loaded as tensorflow_model_server loads it: graph, session and signatures.

TensorFlow Serving runs models in a TF1 session. With one instead of `tf.saved_model.load`,
tables, assets, init ops and error texts are the same, and a prepared callable takes about two
thirds of the time of a signature's `ConcreteFunction`. The steps are those of
`tensorflow/cc/saved_model/loader.cc`: read, import, restore, initialise.
"""

import ctypes
import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2

from serving.server.status import Code, StatusError, invalid_argument, not_found

Array = NDArray[Any]
Tensors = dict[str, Array]

INIT_SIGNATURE = "__saved_model_init_op"  # TF2: the op that fills tables, listed as a signature
INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")  # TF1
DEFAULT_SIGNATURE = "serving_default"
TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)  # malloc_trim(3), of glibc only


@dataclass(frozen=True)
class Tensor:
    """An input or output of a signature."""

    tensor_name: str
    dtype: int  # types_pb2.DataType
    shape: tuple[int, ...] | None  # -1: any size; None: any rank


@dataclass(frozen=True)
class Signature:
    """A SignatureDef in a form that is cheap to use for each request."""

    name: str
    method_name: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    text: str = field(compare=False, repr=False)  # the SignatureDef, for error messages

    def check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """Refuse a shape that contradicts the one that the signature declares for an input.

        Raises:
            StatusError: INVALID_ARGUMENT, with both shapes.
        """
        wanted = self.inputs[name].shape
        if wanted is None:
            return
        fits = len(wanted) == len(shape) and all(
            size in (-1, actual) for size, actual in zip(wanted, shape, strict=True)
        )
        if not fits:
            raise invalid_argument(
                f"Input tensor {name} has shape {shape_text(shape)}, which does not fit "
                f"{shape_text(wanted)}, the shape that signature {self.name} declares "
                "(-1: any size)"
            )


@dataclass(frozen=True)
class SessionOptions:
    """The flags that concern the loading and running of a model."""

    tags: tuple[str, ...] = ("serve",)
    intra_op_threads: int = 0  # 0: chosen by TensorFlow
    inter_op_threads: int = 0
    timeout_ms: int = 0  # of one run; 0: no timeout


class SavedModel:
    """A loaded SavedModel. `run` is thread-safe."""

    def __init__(self, directory: Path, options: SessionOptions) -> None:
        """Load the model in `directory`.

        Raises:
            StatusError, tf.errors.OpError, ValueError: the model cannot be loaded.
        """
        meta_graph = read_meta_graph(directory, options.tags)
        self.signature_defs = dict(meta_graph.signature_def)
        self.signatures = {
            name: _signature(name, definition) for name, definition in self.signature_defs.items()
        }
        self._timeout_ms = options.timeout_ms
        self._callables: dict[tuple[tuple[str, ...], tuple[str, ...]], Callable[..., Any]] = {}
        self._lock = threading.Lock()
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(meta_graph.graph_def, name="")
        self._session = tf.compat.v1.Session(
            graph=graph,
            config=config_pb2.ConfigProto(
                intra_op_parallelism_threads=options.intra_op_threads,
                inter_op_parallelism_threads=options.inter_op_threads,
            ),
        )
        try:
            self._restore(meta_graph, directory)
        except BaseException:
            self._session.close()
            raise

    def _restore(self, meta_graph: meta_graph_pb2.MetaGraphDef, directory: Path) -> None:
        assets = {
            asset.tensor_info.name: str(directory / "assets" / asset.filename)
            for asset in _asset_file_defs(meta_graph)
        }
        saver = meta_graph.saver_def
        variables = directory / "variables"
        if saver.restore_op_name and (variables / "variables.index").exists():
            feeds = {saver.filename_tensor_name: str(variables / "variables"), **assets}
            self._run_operation(saver.restore_op_name, feeds)
        init_op = _init_op_name(meta_graph)
        if init_op:
            self._run_operation(init_op, assets)

    def _run_operation(self, name: str, feeds: Mapping[str, str]) -> None:
        """Run an operation by a callable, because Session.run() adds Python traces to errors."""
        options = config_pb2.CallableOptions(feed=feeds, target=[name.split(":")[0]])
        run = self._session._make_callable_from_options(options)
        run(*(np.array(path.encode(), np.object_) for path in feeds.values()))

    def run(self, signature: Signature, inputs: Tensors) -> Tensors:
        """Feed the named inputs and return every output of the signature.

        Raises:
            tf.errors.OpError: an op failed, or the run took longer than the timeout.
        """
        feeds = tuple(signature.inputs[name].tensor_name for name in inputs)
        fetches = tuple(output.tensor_name for output in signature.outputs.values())
        answers = self.run_tensors(feeds, fetches, tuple(inputs.values()))
        return dict(zip(signature.outputs, answers, strict=True))

    def run_tensors(
        self, feeds: tuple[str, ...], fetches: tuple[str, ...], values: Sequence[Array]
    ) -> list[Array]:
        """Feed tensors by their names in the graph and return the fetched ones in order."""
        run = self._callables.get((feeds, fetches))
        if run is None:
            run = self._make_callable(feeds, fetches)
        return [np.asarray(value) for value in run(*values)]

    def _make_callable(
        self, feeds: tuple[str, ...], fetches: tuple[str, ...]
    ) -> Callable[..., Any]:
        """Prepare a run, so that the pruned graph is looked up once and not for every call."""
        options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
        options.run_options.timeout_in_ms = self._timeout_ms
        with self._lock:
            if (feeds, fetches) not in self._callables:
                # The public make_callable() looks up every tensor at each call and takes twice
                # as long. Keras and Estimator use this private method, too.
                prepared = self._session._make_callable_from_options(options)
                self._callables[feeds, fetches] = prepared
            return self._callables[feeds, fetches]

    def close(self) -> None:
        """Free the session, the graph and their memory; no run may be in progress.

        TensorFlow's graph and its operations refer to one another, so that they stay until a
        garbage collection, and glibc keeps the freed memory. Without the two steps at the end
        the process grew by about 5 MB for each version that it had ever loaded. They take
        about 6 ms, in the thread that unloads.
        """
        self._callables.clear()
        self._session.close()
        del self._session
        gc.collect()
        if TRIM is not None:
            TRIM(0)


def read_meta_graph(directory: Path, tags: Sequence[str]) -> meta_graph_pb2.MetaGraphDef:
    """Return the MetaGraphDef with exactly these tags.

    Raises:
        StatusError: there is no SavedModel, it is damaged, or no graph has the tags.
    """
    saved_model = saved_model_pb2.SavedModel()
    binary = directory / "saved_model.pb"
    text = directory / "saved_model.pbtxt"
    try:
        if binary.exists():
            saved_model.ParseFromString(binary.read_bytes())
        elif text.exists():
            text_format.Parse(text.read_text(), saved_model)
        else:
            raise not_found(
                "Specified file path does not appear to contain a SavedModel bundle (should have "
                f"a file called `saved_model.pb`)\nSpecified file path: {directory}"
            )
    except (DecodeError, text_format.ParseError, UnicodeDecodeError):
        raise StatusError(Code.OUT_OF_RANGE, "Read less bytes than requested") from None
    for meta_graph in saved_model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == set(tags):
            return meta_graph
    if not saved_model.meta_graphs:  # an empty file is a valid, empty message
        raise StatusError(Code.OUT_OF_RANGE, "Read less bytes than requested")
    raise not_found(
        f"Could not find meta graph def matching supplied tags: {{ {' '.join(tags)} }}. To inspect "
        "available tag-sets in the SavedModel, please use the SavedModel CLI: `saved_model_cli`"
    )


def _signature(name: str, definition: meta_graph_pb2.SignatureDef) -> Signature:
    return Signature(
        name=name,
        method_name=definition.method_name,
        inputs={key: _tensor(info) for key, info in sorted(definition.inputs.items())},
        outputs={key: _tensor(info) for key, info in sorted(definition.outputs.items())},
        text=str(definition),
    )


def _tensor(info: meta_graph_pb2.TensorInfo) -> Tensor:
    shape = info.tensor_shape
    return Tensor(
        tensor_name=info.name,
        dtype=info.dtype,
        shape=None if shape.unknown_rank else tuple(dim.size for dim in shape.dim),
    )


def _init_op_name(meta_graph: meta_graph_pb2.MetaGraphDef) -> str:
    definition = meta_graph.signature_def.get(INIT_SIGNATURE)
    if definition is not None:
        for output in definition.outputs.values():
            return str(output.name)
    for collection in INIT_COLLECTIONS:
        nodes = meta_graph.collection_def.get(collection)
        if nodes is not None and nodes.node_list.value:
            return str(nodes.node_list.value[0])
    return ""


def _asset_file_defs(meta_graph: meta_graph_pb2.MetaGraphDef) -> list[meta_graph_pb2.AssetFileDef]:
    if meta_graph.asset_file_def:
        return list(meta_graph.asset_file_def)
    found = []
    collection = meta_graph.collection_def.get("saved_model_assets")  # TF1
    for packed in collection.any_list.value if collection is not None else ():
        asset = meta_graph_pb2.AssetFileDef()
        packed.Unpack(asset)
        found.append(asset)
    return found


def shape_text(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def dtype_word(dtype: int) -> str:
    """Return TensorFlow's name of a dtype (`DataTypeString`) in errors: float, int32, string."""
    name = str(types_pb2.DataType.Name(dtype)).removeprefix("DT_").lower()
    return "INVALID" if name == "invalid" else name
