"""Exports a network kept as JSON plus HDF5 as a SavedModel version for TensorFlow Serving.

    python export_savedmodel.py --version 1     # the seed's CNN, training/artifacts/model_mnist.*
    python export_savedmodel.py --version 2     # the pen network, training/artifacts/model_digits.*
    python export_savedmodel.py --version 3 --architecture my.json --weights my.weights.h5

The version directory appears by rename, complete, and only when the exported graph gives the
network's own answers on real digits. A version number that exists is refused: a number, once
served, means one graph for good.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.preprocessing import INSTANCE_SIZE, PREPROCESSING_VERSION
from serving.verdict import DEFAULT_THRESHOLDS, Thresholds
from serving.versions.card import (
    CARD,
    ModelCard,
    checksums_of,
    read_card,
    verify_files,
    write_card,
)

if TYPE_CHECKING:
    import keras

ROOT = Path(__file__).resolve().parents[1]
ARTIFACTS = ROOT / "training" / "artifacts"
OUTPUT = ROOT / "serving" / "models" / "digits"
# Real digits to compare answers on; a few of MNIST's test set, one picture of 20 x 10 of them.
CHECK_DIGITS = ROOT / "training" / "artifacts" / "check_digits.png"
# What ships; a later number is a retraining of the same network.
NETWORKS = {1: "model_mnist"}
LATER_NETWORK = "model_digits"
SIGNATURE = "serving_default"
WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"
# Batches that the site (one) and a batching server (up to 64) send: the first request of a size
# would otherwise pay for its memory plan.
WARM_UP_BATCHES = (1, 2, 4, 8, 16, 32, 64)
TOLERANCE = 1e-4  # on a probability: the same arithmetic in another order
MOST_BYTES = 10_000_000  # of one file: what may be committed


class ExportError(ValueError):
    """The export cannot be made; nothing was left behind."""


@dataclass(frozen=True)
class Network:
    """A network as training leaves it."""

    model: "keras.Model"
    made: dict[str, Any]  # from NAME.made.json; empty when there is none

    @property
    def temperature(self) -> float:
        return float(self.made.get("temperature") or 1.0)

    @property
    def thresholds(self) -> Thresholds:
        chosen = self.made.get("thresholds")
        if not chosen:
            return DEFAULT_THRESHOLDS
        return Thresholds(
            digit_confidence=float(chosen["digit_confidence"]),
            not_a_digit=float(chosen["not_a_digit"]),
        )


def load_network(architecture: Path, weights: Path, made: Path | None = None) -> Network:
    """JSON plus HDF5 back to a Keras model.

    Raises:
        ExportError: naming the file that is missing or does not belong to the other.
    """
    import keras

    for path in (architecture, weights, *([made] if made else [])):
        if not path.is_file():
            raise ExportError(f"{path} is missing; `make train-baseline` or `make train` writes it")
    try:
        model = keras.models.model_from_json(architecture.read_text(encoding="utf-8"))
    except Exception as error:  # Keras raises many kinds for JSON that is no network
        raise ExportError(f"{architecture} is no Keras architecture: {error}") from error
    if not isinstance(model, keras.Model):
        raise ExportError(f"{architecture} is no Keras architecture, but a {type(model).__name__}")
    try:
        model.load_weights(weights)
    except Exception as error:  # HDF5's and Keras' own, for another network's weights
        raise ExportError(f"{weights} does not hold the weights of {architecture}: {error}") from (
            error
        )
    shape, classes = model.input_shape, model.output_shape[-1]
    if shape[1:] != (INSTANCE_SIZE, INSTANCE_SIZE, 1) or classes not in (10, 11):
        raise ExportError(
            f"{architecture} takes {shape} and gives {classes} classes; a version takes "
            f"(None, {INSTANCE_SIZE}, {INSTANCE_SIZE}, 1) and gives 10 or 11"
        )
    try:
        facts = json.loads(made.read_text(encoding="utf-8")) if made else {}
    except ValueError as error:
        raise ExportError(f"{made} is not JSON: {error}") from error
    return Network(model=model, made=facts)


def at_temperature(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """softmax(log p / T), which is what the exported graph answers; (n, classes) to the same."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-30)) / temperature
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def check_digits() -> NDArray[np.float32]:
    """Real digits, (200, 28, 28, 1), 0..1: 20 of each."""
    sheet = np.asarray(Image.open(CHECK_DIGITS), np.float32) / np.float32(255)
    side = INSTANCE_SIZE
    cells = sheet.reshape(10, side, 20, side).transpose(0, 2, 1, 3)  # rows are digits
    return cells.reshape(200, side, side, 1)


def export(network: Network, version: int, *, output: Path = OUTPUT) -> Path:
    """Writes `output`/`version` and returns it.

    Raises:
        ExportError: the number is taken or no number, or the graph answers otherwise than the
            network. Nothing is left behind.
    """
    if version < 1:
        raise ExportError(f"a version is a whole number from 1 on, not {version}")
    target = output / str(version)
    if target.exists():
        taken = [int(entry.name) for entry in output.iterdir() if entry.name.isdigit()]
        raise ExportError(
            f"{target} exists, and a version never changes once it has been there; the next free "
            f"number is {max(taken) + 1} (--version {max(taken) + 1})"
        )
    output.mkdir(parents=True, exist_ok=True)
    # Hidden, and beside the target: no model server takes it for a version, and a rename is whole.
    draft = Path(tempfile.mkdtemp(prefix=f".{version}-draft-", dir=output))
    try:
        graph = draft / str(version)
        _write_graph(network, graph)
        _write_warm_up(graph)
        _same_answers(network, graph)
        write_card(graph, _card(network, version, graph, name=output.name))
        _tidy_up(graph)
        verify_files(graph)
        try:
            graph.rename(target)
        except OSError as error:
            raise ExportError(f"{target} appeared meanwhile; it was left as it is") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _write_graph(network: Network, directory: Path) -> None:
    """The network as a graph that holds its weights as constants.

    Constants rather than variables: TensorFlow's optimiser folds batch normalisation into the
    convolutions before them, and a load restores nothing. docs/preprocessing.md has the timing.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    logits = _logits(network.model)
    temperature = network.temperature

    def probabilities(image: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = logits(image, training=False)
        return {"probabilities": tf.nn.softmax(tf.cast(raw, tf.float32) / temperature)}

    spec = tf.TensorSpec((None, INSTANCE_SIZE, INSTANCE_SIZE, 1), tf.float32, name="image")
    frozen = convert_variables_to_constants_v2(
        tf.function(probabilities).get_concrete_function(image=spec)
    )

    module = tf.Module()

    @tf.function(input_signature=[spec])
    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        (answer,) = frozen(image)
        return {"probabilities": tf.ensure_shape(answer, (None, network.model.output_shape[-1]))}

    module.serve = serve
    tf.saved_model.save(module, str(directory), signatures={SIGNATURE: serve})


def _logits(model: "keras.Model") -> "keras.Model":
    """The model up to what its softmax is taken of.

    Raises:
        ExportError: it does not end in a softmax.
    """
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return keras.Model(model.inputs, last.input)
    if getattr(last, "activation", None) is keras.activations.softmax:
        # The layer is the network's own: its copy without softmax must not change it.
        bare = keras.layers.Dense.from_config(last.get_config() | {"activation": "linear"})
        cut = keras.Model(model.inputs, bare(last.input))
        bare.set_weights(last.get_weights())
        return cut
    raise ExportError(f"the network ends in {last.name}, not in a softmax over its classes")


def _write_warm_up(directory: Path) -> None:
    """Requests that a model server runs before it answers anybody else's."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    digits = check_digits()
    path = directory / WARM_UP
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as records:
        for size in WARM_UP_BATCHES:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = OUTPUT.name
            request.model_spec.signature_name = SIGNATURE
            # One digit, repeated: what is warmed up is the size, and the file stays small.
            batch = np.zeros((size, *digits.shape[1:]), np.float32)
            batch[:] = digits[0]
            request.inputs["image"].CopyFrom(tf.make_tensor_proto(batch))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            records.write(log.SerializeToString())


def _same_answers(network: Network, directory: Path) -> None:
    """Compares graph and network on real digits and on blank and full instances.

    Raises:
        ExportError
    """
    import tensorflow as tf

    digits = check_digits()
    side = (1, *digits.shape[1:])
    instances = np.concatenate([digits, np.zeros(side, np.float32), np.ones(side, np.float32)])
    answer = tf.saved_model.load(str(directory)).signatures[SIGNATURE]
    got = answer(image=tf.constant(instances))["probabilities"].numpy()
    raw = np.asarray(network.model(instances, training=False), np.float32)
    wanted = at_temperature(raw, network.temperature)
    if got.shape != wanted.shape or not np.isfinite(got).all():
        raise ExportError(f"the graph answers {got.shape} where the network answers {wanted.shape}")
    apart = float(np.abs(got - wanted).max())
    if apart > TOLERANCE:
        raise ExportError(
            f"the graph's probabilities differ by {apart:.2g} from the network's; at most "
            f"{TOLERANCE} may be rounding"
        )


def _card(network: Network, version: int, directory: Path, *, name: str) -> ModelCard:
    import keras
    import tensorflow as tf

    files = checksums_of(directory)
    sizes = {file: (directory / file).stat().st_size for file in files}
    for file, size in sizes.items():
        if size > MOST_BYTES:
            raise ExportError(
                f"{file} has {size:,} bytes; a file that ships may have {MOST_BYTES:,}"
            )
    made = network.made
    return ModelCard(
        name=name,
        version=version,
        title=str(made.get("title") or network.model.name),
        made_at=str(made.get("made_at") or datetime.now(UTC).isoformat(timespec="seconds")),
        parameters=int(network.model.count_params()),
        classes=int(network.model.output_shape[-1]),
        size_bytes=sum(sizes.values()),
        temperature=network.temperature,
        thresholds=network.thresholds,
        metrics=made.get("metrics", {}),
        data=made.get("data", {}),
        versions={
            **made.get("versions", {}),
            "exported_with": {"tensorflow": tf.__version__, "keras": keras.__version__},
            "preprocessing": made.get("versions", {}).get("preprocessing", PREPROCESSING_VERSION),
        },
        files=files,
    )


def _tidy_up(directory: Path) -> None:
    """Lets whoever runs the model server read it: the draft's directory was private."""
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", type=int, required=True, help="a number not used before")
    parser.add_argument("--architecture", type=Path, help="NAME.json")
    parser.add_argument("--weights", type=Path, help="NAME.weights.h5 (default: beside NAME.json)")
    parser.add_argument(
        "--made", type=Path, help="NAME.made.json (default: beside, if it is there)"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="directory of the versions")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its greeting is no news
    name = NETWORKS.get(options.version, LATER_NETWORK)
    architecture: Path = options.architecture or ARTIFACTS / f"{name}.json"
    beside = architecture.with_name(architecture.stem)
    weights: Path = options.weights or beside.with_name(f"{beside.name}.weights.h5")
    made: Path | None = options.made or beside.with_name(f"{beside.name}.made.json")
    if made is not None and options.made is None and not made.is_file():
        made = None
    try:
        target = export(
            load_network(architecture, weights, made), options.version, output=options.output
        )
    except ExportError as error:
        print(f"export_savedmodel: {error}", file=sys.stderr)
        return 1
    card = read_card(target)
    print(
        f"{target}: version {card.version}, {card.classes} classes, {card.parameters:,} "
        f"parameters, {card.size_bytes / 1e6:.1f} MB; its answers are the network's; "
        f"card in {CARD}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
