"""The seed's CNN and its training: version 1, and what every later version is compared with.

Convolution 32 5x5, max-pool, convolution 64 5x5, max-pool, dropout 0.25, dense 1024, softmax 10;
four epochs at batch 128 on plain MNIST. Two choices are ours. Convolutions are "valid", which makes
1.1 million parameters of what "same" would make 3.3 million, with no difference in accuracy. And
Adam's rate falls along a cosine from 1.5e-3: at a constant rate the same network ends between
99.17 and 99.33 % by seed.

    python -m training.baseline                       # writes training/artifacts/model_mnist.*
    python -m training.baseline --seed 2 --output /tmp/another
"""

import argparse
import json
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from training.data import mnist

ARTIFACTS = Path(__file__).resolve().parent / "artifacts"
NAME = "model_mnist"  # the seed's own name for its files
EPOCHS = 4
BATCH = 128
LEARNING_RATE = 1.5e-3
SEED = 1


def build(*, seed: int = SEED) -> keras.Model:
    """Instances float32 (n, 28, 28, 1) in 0..1 to probabilities float32 (n, 10)."""

    def start(layer: int) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=seed * 100 + layer)

    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Conv2D(32, 5, activation="relu", kernel_initializer=start(0)),  # (24, 24, 32)
            layers.MaxPooling2D(),  # (12, 12, 32)
            layers.Conv2D(64, 5, activation="relu", kernel_initializer=start(1)),  # (8, 8, 64)
            layers.MaxPooling2D(),  # (4, 4, 64)
            layers.Dropout(0.25, seed=seed),
            layers.Flatten(),  # (1024,)
            layers.Dense(1024, activation="relu", kernel_initializer=start(2)),
            layers.Dense(10, kernel_initializer=start(3)),
            layers.Softmax(name="probabilities"),
        ],
        name="mnist",
    )


def train(
    model: keras.Model,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    *,
    seed: int = SEED,
    epochs: int = EPOCHS,
    verbose: int | str = "auto",
) -> float:
    """Trains in place and returns the CPU seconds it took.

    Args:
        model: from `build`.
        images: (n, 28, 28) bytes.
        labels: (n,).
        seed: of the order of the data and of dropout.
        epochs: over all images.
        verbose: Keras' own progress.
    """
    keras.utils.set_random_seed(seed)
    steps = epochs * -(-len(images) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    started = time.process_time()
    model.fit(
        images[..., np.newaxis].astype(np.float32) / 255,
        labels,
        batch_size=BATCH,
        epochs=epochs,
        verbose=verbose,
    )
    return time.process_time() - started


def test_accuracy(
    model: keras.Model, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> float:
    """The share of right answers, 0 to 1."""
    scores = model.predict(
        images[..., np.newaxis].astype(np.float32) / 255, batch_size=500, verbose=0
    )
    return float((scores.argmax(1) == labels).mean())


def save(model: keras.Model, made: dict[str, Any], *, output: Path, name: str = NAME) -> None:
    """Writes NAME.json (architecture), NAME.weights.h5 and NAME.made.json, each by rename."""
    output.mkdir(parents=True, exist_ok=True)
    # A copy that was never compiled: Adam's two moments would make the weights' file three times
    # as large, and the architecture would carry a training's settings.
    kept = keras.Sequential.from_config(model.get_config())
    kept.set_weights(model.get_weights())
    draft = output / f".{name}.draft.weights.h5"
    kept.save_weights(draft)
    draft.rename(output / f"{name}.weights.h5")
    _write(output / f"{name}.json", json.dumps(json.loads(kept.to_json()), indent=1))
    _write(output / f"{name}.made.json", json.dumps(made, indent=2, ensure_ascii=False))


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.rename(path)


def how_it_was_made(
    *, seed: int, accuracy: float, cpu_seconds: float, parameters: int, data: dict[str, str]
) -> dict[str, Any]:
    return {
        "title": "The seed's CNN: two convolutions, trained on MNIST alone",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python -m training.baseline --seed {seed}",
        "seed": seed,
        "recipe": {
            "epochs": EPOCHS,
            "batch": BATCH,
            "optimiser": "Adam",
            "learning_rate": f"{LEARNING_RATE}, cosine to 0",
            "convolutions": "valid",
        },
        "parameters": parameters,
        "cpu_seconds": round(cpu_seconds, 1),
        "temperature": 1.0,
        "thresholds": None,  # none were chosen: the default holds
        "metrics": {"mnist_test_accuracy": accuracy},
        "data": data,
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with mnist/ (default: ../shared/data)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, default=ARTIFACTS)
    options = parser.parse_args(arguments)
    folder = options.data / "mnist" if options.data else None
    try:
        (images, labels), (test_images, test_labels) = mnist.load(folder)
    except mnist.MnistError as error:
        print(f"training.baseline: {error}", file=sys.stderr)
        return 2
    model = build(seed=options.seed)
    cpu_seconds = train(model, images, labels, seed=options.seed)
    accuracy = test_accuracy(model, test_images, test_labels)
    print(
        f"test accuracy {accuracy:.2%} on {len(test_labels):,} pictures; "
        f"{cpu_seconds:.0f} CPU seconds; seed {options.seed}"
    )
    made = how_it_was_made(
        seed=options.seed,
        accuracy=accuracy,
        cpu_seconds=cpu_seconds,
        parameters=model.count_params(),
        data=mnist.checksums(folder),
    )
    save(model, made, output=options.output)
    print(f"written: {options.output}/{NAME}.json, .weights.h5, .made.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
