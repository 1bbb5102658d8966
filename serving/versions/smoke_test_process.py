"""The process in which a version is tried: `python -m serving.versions.smoke_test_process DIR`.

It prints one JSON line, `{"problem": "…" or null, "classes": 11}`, and whatever becomes of it
concerns nobody else. Only this module of the serving room's outside needs TensorFlow.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

MEMORY_BYTES = 4 << 30  # TensorFlow itself takes 0.5 GiB; a digit model a few megabytes
CPU_SECONDS = 300
BATCHES = (1, 3)
INPUT_SHAPE = (28, 28, 1)
SIGNATURE = "serving_default"
WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"


class InvalidModel(Exception):
    """What is wrong with the version."""


def limit_resources() -> None:
    """Memory that it may ask for, and CPU time; the parent bounds the time on the wall."""
    for limited, most in ((resource.RLIMIT_DATA, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SECONDS)):
        _, hard = resource.getrlimit(limited)
        resource.setrlimit(limited, (most if hard < 0 else min(most, hard), hard))


def load(version_dir: Path) -> Any:
    """The `serving_default` signature, with the input and output that the site asks for."""
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(version_dir))
    except Exception as problem:
        raise InvalidModel(f"TensorFlow does not load it: {_in_short(problem)}") from problem
    signature = model.signatures.get(SIGNATURE)
    if signature is None:
        raise InvalidModel(f"it has no signature {SIGNATURE!r}, only {sorted(model.signatures)}")
    inputs = signature.structured_input_signature[1]
    if sorted(inputs) != ["image"]:
        raise InvalidModel(f"its inputs are {sorted(inputs)}; the one input must be 'image'")
    image = inputs["image"]
    if image.dtype != tf.float32 or not image.shape.is_compatible_with((None, *INPUT_SHAPE)):
        raise InvalidModel(
            f"its input 'image' is {image.dtype.name} {image.shape}; it must be float32 "
            "(None, 28, 28, 1)"
        )
    if sorted(signature.structured_outputs) != ["probabilities"]:
        raise InvalidModel(
            f"its outputs are {sorted(signature.structured_outputs)}; the one output must be "
            "'probabilities'"
        )
    # A signature does not keep the loaded object alive by itself.
    signature.owner_of_variables = model
    return signature


def ask(signature: Any, image: Any) -> int:
    """Asks for a batch, checks what comes, and returns how many classes it has."""
    import numpy as np
    import tensorflow as tf

    try:
        answer = signature(image=tf.convert_to_tensor(image))["probabilities"].numpy()
    except Exception as problem:
        raise InvalidModel(
            f"asked for {len(image)} instances, it fails: {_in_short(problem)}"
        ) from problem
    if answer.ndim != 2 or len(answer) != len(image) or answer.shape[1] not in (10, 11):
        raise InvalidModel(
            f"{len(image)} instances are answered by shape {answer.shape}; it must be "
            f"({len(image)}, 10) or ({len(image)}, 11)"
        )
    if not np.isfinite(answer).all():
        raise InvalidModel("its answers hold NaN or Infinity")
    if (answer < -1e-3).any() or (np.abs(answer.sum(axis=1) - 1) > 1e-2).any():
        raise InvalidModel(
            "its answers are no probabilities: not within 0..1, or not adding up to 1"
        )
    return int(answer.shape[1])


def warm_up(signature: Any, version_dir: Path) -> None:
    """Asks what the model server will ask before it serves the version; all of it must pass."""
    file = version_dir / WARM_UP
    if not file.is_file():
        return
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    try:
        for record in tf.data.TFRecordDataset(str(file)):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            if log.WhichOneof("log_type") != "predict_log":
                raise InvalidModel(
                    f"{WARM_UP} holds a {log.WhichOneof('log_type')}, not a predict_log"
                )
            request = log.predict_log.request
            wanted = request.model_spec.signature_name or SIGNATURE
            if wanted != SIGNATURE or sorted(request.inputs) != ["image"]:
                raise InvalidModel(f"{WARM_UP} asks {wanted!r} for {sorted(request.inputs)}")
            ask(signature, tf.make_ndarray(request.inputs["image"]))
    except InvalidModel:
        raise
    except Exception as problem:
        raise InvalidModel(
            f"its warm-up requests cannot be read: {_in_short(problem)}"
        ) from problem


def check_model(version_dir: Path) -> int:
    """How many classes the version's answers have.

    Raises:
        InvalidModel: says what is wrong.
    """
    import numpy as np

    signature = load(version_dir)
    warm_up(signature, version_dir)
    random = np.random.default_rng(0)
    blank, ink = np.zeros((1, *INPUT_SHAPE), np.float32), np.ones((1, *INPUT_SHAPE), np.float32)
    widths = {ask(signature, blank), ask(signature, ink)}
    for size in BATCHES:
        widths.add(ask(signature, random.random((size, *INPUT_SHAPE), np.float32)))
    (classes,) = widths
    return classes


def _in_short(problem: BaseException) -> str:
    """The error's first words; TensorFlow heads its own with a line that says nothing."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    telling = [
        line
        for line in lines
        if line != "Graph execution error:" and not line.startswith("Detected at node")
    ]
    return f"{type(problem).__name__}: {' '.join(telling)[:400]}"


def main() -> int:
    (version_dir,) = sys.argv[1:]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    limit_resources()
    problem, classes = None, None
    try:
        classes = check_model(Path(version_dir))
    except InvalidModel as unfit:
        problem = str(unfit)
    except MemoryError:
        problem = f"it needs more than {MEMORY_BYTES >> 20} MiB of memory"
    sys.stdout.write(json.dumps({"problem": problem, "classes": classes}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
