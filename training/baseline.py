"""The baseline CNN and its training: version 1, which later versions are compared with.

It is the network of the original demo: convolution 32 5x5, max-pool, convolution 64 5x5, max-pool,
dropout 0.25, dense 1024, softmax 10; four epochs at batch 128 on plain MNIST. Two choices differ.
Convolutions are "valid", which makes 1.1 million parameters of the 3.3 million of "same", at the
same accuracy. And Adam's rate falls along a cosine from 1.5e-3: at a constant rate the network
reaches between 99.17 and 99.33 %, depending on the random seed.

    python -m training.baseline                       # writes training/artifacts/model_mnist.*
    python -m training.baseline --seed 2 --output /tmp/another
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from training.cpu_time import cpu_seconds
from training.data import mnist
from training.data.instances import Instances
from training.network.inference import accuracy
from training.paths import ARTIFACTS
from training.trained_network import BASELINE, TrainedNetwork, files_of, library_versions, save

EPOCHS = 4
BATCH = 128
LEARNING_RATE = 1.5e-3
SEED = 1


def build(*, seed: int = SEED) -> keras.Model:
    """Return a model from instances, float32 (n, 28, 28, 1) in 0..1, to probabilities (n, 10)."""

    def initial(layer: int) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=seed * 100 + layer)

    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Conv2D(32, 5, activation="relu", kernel_initializer=initial(0)),  # (24, 24, 32)
            layers.MaxPooling2D(),  # (12, 12, 32)
            layers.Conv2D(64, 5, activation="relu", kernel_initializer=initial(1)),  # (8, 8, 64)
            layers.MaxPooling2D(),  # (4, 4, 64)
            layers.Dropout(0.25, seed=seed),
            layers.Flatten(),  # (1024,)
            layers.Dense(1024, activation="relu", kernel_initializer=initial(2)),
            layers.Dense(10, kernel_initializer=initial(3)),
            layers.Softmax(name="probabilities"),
        ],
        name="mnist",
    )


def train(
    instances: Instances, *, seed: int = SEED, epochs: int = EPOCHS, verbose: int | str = "auto"
) -> keras.Model:
    """Train the network on instances and return it.

    Args:
        instances: of digits.
        seed: random seed of the weights, of the order of the data and of dropout.
        epochs: passes over all instances.
        verbose: Keras' own progress.
    """
    model = build(seed=seed)
    keras.utils.set_random_seed(seed)
    steps = epochs * -(-len(instances) // BATCH)
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        instances.images[..., np.newaxis].astype(np.float32) / 255,
        instances.labels,
        batch_size=BATCH,
        epochs=epochs,
        verbose=verbose,
    )
    # A copy without the optimiser, whose moments would treble the file of weights.
    trained = keras.Sequential.from_config(model.get_config())
    trained.set_weights(model.get_weights())
    return trained


def metadata_of(
    model: keras.Model, *, seed: int, accuracy: float, cpu_seconds: float, data: dict[str, str]
) -> dict[str, Any]:
    """Return the training metadata."""
    return {
        "title": "Baseline CNN: two convolutions, trained on MNIST alone",
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
        "parameters": int(model.count_params()),
        "cpu_seconds": round(cpu_seconds, 1),
        "temperature": 1.0,
        "thresholds": None,  # the defaults apply
        "metrics": {"mnist_test_accuracy": accuracy},
        "data": data,
        "versions": library_versions(),
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
        training_part, test_part = (
            Instances(images, labels.astype(np.int32)) for images, labels in mnist.load(folder)
        )
    except mnist.MnistError as error:
        print(f"training.baseline: {error}", file=sys.stderr)
        return 2
    before = cpu_seconds()
    model = train(training_part, seed=options.seed)
    spent = cpu_seconds() - before
    test_accuracy = accuracy(model, test_part)
    print(
        f"test accuracy {test_accuracy:.2%} on {len(test_part):,} pictures; "
        f"{spent:.0f} CPU seconds; seed {options.seed}"
    )
    metadata = metadata_of(
        model,
        seed=options.seed,
        accuracy=test_accuracy,
        cpu_seconds=spent,
        data=mnist.checksums(folder),
    )
    save(TrainedNetwork(model, metadata), files_of(BASELINE, options.output))
    print(f"written: {options.output}/{BASELINE}.json, .weights.h5, .metadata.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
