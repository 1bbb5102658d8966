"""Loads a version and asks it for predictions: `python -m serving.versions.smoke_test_process DIR`.

Prints one JSON line, `{"problem": "…" or null, "classes": 11}`. It runs as a process of its own,
because a corrupt file can end the process that loads it. Outside `serving.server` this is the
only module of `serving` that needs TensorFlow.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from serving.versions.declared_tensors import (
    INPUT,
    INPUT_SHAPE,
    OUTPUT,
    SIGNATURE,
    WARM_UP,
    InvalidModel,
    check_declared_tensors,
)

MEMORY_BYTES = 4 << 30  # TensorFlow itself takes 0.5 GiB; a digit model a few megabytes
CPU_SECONDS = 300
BATCHES = (1, 3)
INSTANCE_SHAPE = INPUT_SHAPE[1:]


def limit_resources() -> None:
    """Limits this process's memory and CPU time; the parent limits the elapsed time."""
    for limited, most in ((resource.RLIMIT_DATA, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SECONDS)):
        _, hard = resource.getrlimit(limited)
        resource.setrlimit(limited, (most if hard < 0 else min(most, hard), hard))


def load(version_dir: Path) -> Any:
    """Returns the `serving_default` signature.

    Raises:
        InvalidModel: TensorFlow does not load the version, or it has no such signature.
    """
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(version_dir))
    except Exception as error:
        raise InvalidModel(f"TensorFlow does not load it: {_summary(error)}") from error
    signature = model.signatures.get(SIGNATURE)
    if signature is None:
        raise InvalidModel(f"it has no signature {SIGNATURE!r}, only {sorted(model.signatures)}")
    # A signature does not keep the loaded object alive by itself.
    signature.owner_of_variables = model
    return signature


def ask(signature: Any, image: Any) -> int:
    """Asks for the predictions of a batch and returns the number of classes.

    Raises:
        InvalidModel: the call fails, or the answer is not probabilities of the batch.
    """
    import numpy as np
    import tensorflow as tf

    try:
        answer = signature(**{INPUT: tf.convert_to_tensor(image)})[OUTPUT].numpy()
    except Exception as error:
        raise InvalidModel(
            f"asked for {len(image)} instances, it fails: {_summary(error)}"
        ) from error
    if answer.ndim != 2 or len(answer) != len(image) or answer.shape[1] not in (10, 11):
        raise InvalidModel(
            f"{len(image)} instances are answered by shape {answer.shape}; it must be "
            f"({len(image)}, 10) or ({len(image)}, 11)"
        )
    if not np.isfinite(answer).all():
        raise InvalidModel("its answers hold NaN or Infinity")
    if (answer < -1e-3).any() or (np.abs(answer.sum(axis=1) - 1) > 1e-2).any():
        raise InvalidModel("its answers are not probabilities: outside 0..1, or not adding up to 1")
    return int(answer.shape[1])


def warm_up(signature: Any, version_dir: Path) -> None:
    """Asks the warm-up requests, which the model server asks before it serves the version.

    Raises:
        InvalidModel: one of them cannot be read or answered.
    """
    file = version_dir / WARM_UP
    if not file.is_file():
        return
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    try:
        for record in tf.data.TFRecordDataset(str(file)):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            ask(signature, tf.make_ndarray(log.predict_log.request.inputs[INPUT]))
    except InvalidModel:
        raise
    except Exception as error:
        raise InvalidModel(f"its warm-up requests cannot be read: {_summary(error)}") from error


def check_model(version_dir: Path) -> int:
    """Loads and asks a version; returns the number of classes of its answers.

    Raises:
        InvalidModel: the version must not be served.
    """
    import numpy as np

    check_declared_tensors(version_dir)
    signature = load(version_dir)
    warm_up(signature, version_dir)
    random = np.random.default_rng(0)
    blank, ink = (
        np.zeros((1, *INSTANCE_SHAPE), np.float32),
        np.ones((1, *INSTANCE_SHAPE), np.float32),
    )
    widths = {ask(signature, blank), ask(signature, ink)}
    for size in BATCHES:
        widths.add(ask(signature, random.random((size, *INSTANCE_SHAPE), np.float32)))
    (classes,) = widths
    return classes


def _summary(error: BaseException) -> str:
    """The error's first words, without the lines that TensorFlow puts before every message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    specific = [
        line
        for line in lines
        if line != "Graph execution error:" and not line.startswith("Detected at node")
    ]
    return f"{type(error).__name__}: {' '.join(specific)[:400]}"


def main() -> int:
    (version_dir,) = sys.argv[1:]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    limit_resources()
    problem, classes = None, None
    try:
        classes = check_model(Path(version_dir))
    except InvalidModel as error:
        problem = str(error)
    except MemoryError:
        problem = f"it needs more than {MEMORY_BYTES >> 20} MiB of memory"
    sys.stdout.write(json.dumps({"problem": problem, "classes": classes}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
