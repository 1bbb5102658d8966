"""Exports a network kept as JSON plus HDF5 as a SavedModel version for TensorFlow Serving.

    python export_savedmodel.py --version 1     # the baseline CNN, training/artifacts/model_mnist.*
    python export_savedmodel.py --version 3     # the pen network, training/artifacts/model_digits.*
    python export_savedmodel.py --version 4 --architecture my.json --weights my.weights.h5

The version directory appears complete, by rename, and only if the exported graph answers real
digits as the network does. A version number that exists is refused, since a number that was served
must always mean the same graph.
"""

import argparse
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.atomic_files import creating_directory
from serving.preprocessing import INSTANCE_SIZE, PREPROCESSING_VERSION
from serving.versions.card import CARD, ModelCard, checksums_of, read_card, verify_files, write_card
from serving.versions.declared_tensors import SIGNATURE, WARM_UP
from training import trained_network
from training.network.calibration import at_temperature
from training.paths import ARTIFACTS, MODELS
from training.trained_network import NetworkError, TrainedNetwork

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# Digits to compare answers on: 20 of each from MNIST's test set, a row of the picture per digit.
CHECK_DIGITS = ARTIFACTS / "check_digits.png"
# Batch sizes that the site (one) and a batching server (up to 64) use. TensorFlow plans its memory
# at the first request of a size, which would make that request slow.
WARM_UP_BATCHES = (1, 2, 4, 8, 16, 32, 64)
TOLERANCE = 1e-4  # on a probability, for rounding in another order
MOST_BYTES = 10_000_000  # of one file, so that it may be committed


class ExportError(ValueError):
    """The export is not possible; nothing was written."""


def check_digits() -> NDArray[np.float32]:
    """Return real digits, (200, 28, 28, 1) in 0..1: 20 of each, in order."""
    sheet = np.asarray(Image.open(CHECK_DIGITS), np.float32) / np.float32(255)
    side = INSTANCE_SIZE
    cells = sheet.reshape(10, side, 20, side).transpose(0, 2, 1, 3)
    return cells.reshape(200, side, side, 1)


def export(network: TrainedNetwork, version: int, *, output: Path = MODELS) -> Path:
    """Write a version directory into `output` and return its path.

    Raises:
        ExportError: the number is not positive or exists, or the graph does not answer as the
            network. Nothing is written then.
    """
    if version < 1:
        raise ExportError(f"a version is a whole number from 1 on, not {version}")
    target = output / str(version)
    if target.exists():
        free = 1 + max(int(entry.name) for entry in output.iterdir() if entry.name.isdigit())
        raise ExportError(
            f"{target} exists, and a version never changes once it has been there; the next free "
            f"number is {free} (--version {free})"
        )
    output.mkdir(parents=True, exist_ok=True)
    try:
        with creating_directory(target) as draft:
            _write_graph(network, draft)
            _write_warm_up(draft)
            _verify_answers(network, draft)
            write_card(draft, _card(network, version, draft, name=output.name))
            _make_readable(draft)
            verify_files(draft)
    except FileExistsError as error:
        raise ExportError(f"{target} was created by another process and is unchanged") from error
    return target


def _write_graph(network: TrainedNetwork, directory: Path) -> None:
    """Write the network as a graph that holds its weights as constants.

    With constants TensorFlow's optimiser folds batch normalisation into the convolutions, and
    loading does not restore variables. docs/evaluation.md has the timing.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    logits = _without_softmax(network.model)
    temperature = network.temperature

    def probabilities(image: "tf.Tensor") -> dict[str, "tf.Tensor"]:
        raw = logits(image, training=False)
        return {"probabilities": tf.nn.softmax(tf.cast(raw, tf.float32) / temperature)}

    spec = tf.TensorSpec((None, INSTANCE_SIZE, INSTANCE_SIZE, 1), tf.float32, name="image")
    frozen = convert_variables_to_constants_v2(
        tf.function(probabilities).get_concrete_function(image=spec)
    )

    def serve(image: "tf.Tensor") -> dict[str, "tf.Tensor"]:
        (answer,) = frozen(image)
        return {"probabilities": tf.ensure_shape(answer, (None, network.model.output_shape[-1]))}

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=[spec])
    tf.saved_model.save(module, str(directory), signatures={SIGNATURE: module.serve})


def _without_softmax(model: "keras.Model") -> "keras.Model":
    """Return the model up to the logits.

    Raises:
        ExportError: it does not end in a softmax.
    """
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return keras.Model(model.inputs, last.input)
    if getattr(last, "activation", None) is keras.activations.softmax:
        # A copy of the layer, so that the given model keeps its softmax.
        linear = keras.layers.Dense.from_config(last.get_config() | {"activation": "linear"})
        logits = keras.Model(model.inputs, linear(last.input))
        linear.set_weights(last.get_weights())
        return logits
    raise ExportError(f"the network ends in {last.name}, not in a softmax over its classes")


def _write_warm_up(directory: Path) -> None:
    """Write requests that a model server runs before the version becomes available."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    digit = check_digits()[:1]
    path = directory / WARM_UP
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as records:
        for size in WARM_UP_BATCHES:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = MODELS.name
            request.model_spec.signature_name = SIGNATURE
            # One digit, repeated, keeps the compressed file small.
            request.inputs["image"].CopyFrom(tf.make_tensor_proto(np.repeat(digit, size, axis=0)))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            records.write(log.SerializeToString())


def _verify_answers(network: TrainedNetwork, directory: Path) -> None:
    """Compare graph and network on real digits and on a blank and a full instance.

    Raises:
        ExportError: they differ.
    """
    import tensorflow as tf

    digits = check_digits()
    one = (1, *digits.shape[1:])
    instances = np.concatenate([digits, np.zeros(one, np.float32), np.ones(one, np.float32)])
    signature = tf.saved_model.load(str(directory)).signatures[SIGNATURE]
    answers = signature(image=tf.constant(instances))["probabilities"].numpy()
    raw = np.asarray(network.model(instances, training=False), np.float32)
    expected = at_temperature(raw, network.temperature)
    if answers.shape != expected.shape or not np.isfinite(answers).all():
        raise ExportError(
            f"the graph answers {answers.shape} where the network answers {expected.shape}"
        )
    difference = float(np.abs(answers - expected).max())
    if difference > TOLERANCE:
        raise ExportError(
            f"the graph's probabilities differ by {difference:.2g} from the network's; at most "
            f"{TOLERANCE} may be rounding"
        )


def _card(network: TrainedNetwork, version: int, directory: Path, *, name: str) -> ModelCard:
    import keras
    import tensorflow as tf

    files = checksums_of(directory)
    sizes = {file: (directory / file).stat().st_size for file in files}
    for file, size in sizes.items():
        if size > MOST_BYTES:
            raise ExportError(f"{file} has {size:,} bytes; at most {MOST_BYTES:,} may be committed")
    metadata = network.metadata
    return ModelCard(
        name=name,
        version=version,
        title=str(metadata.get("title") or network.model.name),
        made_at=str(metadata.get("made_at") or datetime.now(UTC).isoformat(timespec="seconds")),
        parameters=int(network.model.count_params()),
        classes=int(network.model.output_shape[-1]),
        size_bytes=sum(sizes.values()),
        temperature=network.temperature,
        thresholds=network.thresholds,
        metrics=metadata.get("metrics", {}),
        data=metadata.get("data", {}),
        versions={
            "preprocessing": PREPROCESSING_VERSION,
            **metadata.get("versions", {}),
            "exported_with": {"tensorflow": tf.__version__, "keras": keras.__version__},
        },
        files=files,
    )


def _make_readable(directory: Path) -> None:
    """Let every user read the version, whatever the umask; a model server may run as another."""
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
        "--metadata", type=Path, help="NAME.metadata.json (default: beside NAME.json, if it exists)"
    )
    parser.add_argument("--output", type=Path, default=MODELS, help="directory of the versions")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up messages
    if options.architecture:
        files = trained_network.files_of(options.architecture.stem, options.architecture.parent)
        files = replace(files, architecture=options.architecture)
    else:
        files = trained_network.files_of(trained_network.name_of(options.version))
    files = replace(
        files, weights=options.weights or files.weights, metadata=options.metadata or files.metadata
    )
    try:
        if options.metadata and not options.metadata.is_file():
            raise ExportError(f"{options.metadata} is missing")
        target = export(trained_network.load(files), options.version, output=options.output)
    except (NetworkError, ExportError) as error:
        print(f"export_savedmodel: {error}", file=sys.stderr)
        return 1
    card = read_card(target)
    print(
        f"{target}: version {card.version}, {card.classes} classes, {card.parameters:,} "
        f"parameters, {card.size_bytes / 1e6:.1f} MB; it answers as the network does; "
        f"card in {CARD}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
