"""Trains the bundled network and stores it as JSON, HDF5 and training metadata.

python -m training.train                            # configs/digits.toml: 20 CPU minutes
python -m training.train --resume                   # continue an interrupted training
python -m training.train --seed 2 --measure-only    # another random seed, for the spread
python -m training.train --config quick --threads 1 # MNIST alone, 99.39 % in 10 CPU seconds

With TF_CONFIG set, it is one of several workers (training/network/workers.py).
"""

import argparse
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from serving.preprocessing import PREPROCESSING_VERSION
from training.configuration import (
    Calibration,
    Configuration,
    ConfigurationError,
    config_path,
    read_configuration,
)
from training.data import mnist, pen_strokes, rendered_data_set
from training.data.instances import Instances
from training.data.rendered_data_set import RenderedDataSet
from training.data.training_set import TrainingSet, assemble, split_mnist
from training.evaluation.samples import VALIDATION_SEED, Samples, load_drawings
from training.evaluation.validation import Validation, validate
from training.network.architecture import CLASSES
from training.network.calibration import correct_prior
from training.network.inference import accuracy, predict
from training.network.loop import Progress, Trainer, limit_threads
from training.network.workers import WorkersError, strategy_of_workers
from training.paths import ARTIFACTS, DATA, SCRATCH
from training.trained_network import (
    DIGITS,
    TrainedNetwork,
    files_of,
    library_versions,
    save,
    write_json,
)

WORKING_DIRECTORY = SCRATCH / "training"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    limit_threads(options.threads)
    try:
        strategy = strategy_of_workers()
        configuration = read_configuration(config_path(options.config))
        if options.seed is not None:
            run = replace(configuration.run, seed=options.seed)
            configuration = replace(configuration, run=run)
        data = load_data(configuration, options.data)
        trainer = Trainer(configuration, data.training, classes=data.classes, strategy=strategy)
        _train(trainer, data, options)
    except (
        ConfigurationError, mnist.MnistError, pen_strokes.PenStrokesMissing, WorkersError
    ) as error:  # fmt: skip
        print(error, file=sys.stderr)
        return 2
    except tf.errors.UnavailableError as error:  # a connection between workers broke
        print(f"Another worker ended; start all again with --resume ({error})", file=sys.stderr)
        return 1
    if not trainer.is_chief:
        return 0
    model = trainer.finished()
    if data.drawings is not None:
        correct_prior(
            model,
            trained=configuration.batch.negative / configuration.batch.size,
            expected=configuration.calibration.expected_negatives,
        )
    metrics, validation = measure(model, data)
    spent = {
        "training": round(trainer.cpu_seconds, 1),
        "rendering": round(data.rendered.cpu_seconds, 1),
        "together": round(trainer.cpu_seconds + data.rendered.cpu_seconds, 1),
    }
    for name, value in metrics.items():
        print(f"{name:45} {value}")
    print(f"CPU seconds: {spent}")
    if validation is None:  # MNIST alone: measured, not kept
        return 0
    metadata = {
        **origin(configuration, options.data or DATA, model),
        "temperature": validation.temperature,
        "thresholds": {
            "digit_confidence": validation.choice.digit_confidence,
            "not_a_digit": validation.choice.not_a_digit,
        },
        "trade_off": asdict(validation.choice),
        "metrics": metrics,
        "cpu_seconds": spent,
    }
    result = options.output / "seeds" / f"seed-{configuration.run.seed}.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    write_json(result, metadata)
    print(f"Written: {result}")
    if not options.measure_only:
        save(TrainedNetwork(model, metadata), files_of(DIGITS, options.output))
        print(f"Written: {options.output}/{DIGITS}.json, .weights.h5, .metadata.json")
    return 0


def _train(trainer: Trainer, data: "DataOfTraining", options: argparse.Namespace) -> None:
    run = trainer.configuration.run
    checkpoints = WORKING_DIRECTORY / f"{Path(options.config).stem}-{run.seed}"
    if options.resume and trainer.resume(checkpoints):
        print(f"Resumed after step {trainer.step}")
    trainer.run(
        checkpoints=checkpoints,
        validate=lambda model: accuracies(model, data),
        report=lambda progress: print_progress(progress, run.steps),
    )


@dataclass(frozen=True)
class DataOfTraining:
    """The data that a network is trained and validated on."""

    training: TrainingSet
    classes: int
    rendered: RenderedDataSet
    mnist_validation: Instances
    mnist_test: Instances
    drawings: Samples | None  # of held-out writers; None for a training on MNIST alone
    calibration: Calibration


def load_data(configuration: Configuration, data_dir: Path | None) -> DataOfTraining:
    """Read MNIST and, unless it is all that the configuration wants, render the drawings."""
    with_drawings = configuration.batch.pen + configuration.batch.negative > 0
    strokes_dir = data_dir or DATA
    if with_drawings:
        pen_strokes.checksums(strokes_dir)  # reports missing files before the slow part begins
    folder = data_dir / "mnist" if data_dir else None
    (images, labels), (test_images, test_labels) = mnist.load(folder)
    every = configuration.data.mnist_validation_every
    training, validation = split_mnist(images, labels, every)
    rendered = RenderedDataSet.empty()
    if with_drawings:
        print("Rendering the pen strokes (kept under var/training for the next time)")
        rendered = rendered_data_set.render(
            strokes_dir, configuration.data, cache=WORKING_DIRECTORY
        )
    return DataOfTraining(
        training=assemble(training, rendered, configuration.augmentation),
        classes=CLASSES if with_drawings else 10,
        rendered=rendered,
        mnist_validation=validation,
        mnist_test=Instances(test_images, test_labels.astype(np.int32)),
        drawings=load_drawings(strokes_dir, seed=VALIDATION_SEED) if with_drawings else None,
        calibration=configuration.calibration,
    )


def measure(model: keras.Model, data: DataOfTraining) -> tuple[dict[str, Any], Validation | None]:
    """Return the metrics of a finished model, and its validation if it has drawings."""
    test = predict(model, data.mnist_test.images)  # the test set is read once, here
    labels = data.mnist_test.labels
    metrics: dict[str, Any] = {
        "mnist_validation_accuracy": accuracy(model, data.mnist_validation),
        "mnist_test_accuracy": float((test.argmax(1) == labels).mean()),
        # The most probable of the ten digits, whatever the probability of "not a digit".
        "mnist_test_digit_accuracy": float((test[:, :10].argmax(1) == labels).mean()),
    }
    if data.drawings is None:
        return metrics, None
    validation = validate(
        data.drawings, lambda instances: predict(model, instances), data.calibration
    )
    return metrics | validation.metrics, validation


def origin(configuration: Configuration, data: Path, model: keras.Model) -> dict[str, Any]:
    """Return the part of the training metadata that tells where a model comes from."""
    digits = pen_strokes.split(pen_strokes.load_digits(data))
    letters = pen_strokes.split(pen_strokes.load_letters(data))
    return {
        "name": "digits",
        "title": f"{sum(configuration.network.convolutions)} convolutions on MNIST, "
        "four collections of pen strokes, and negatives",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": configuration.run.seed,
        "parameters": int(model.count_params()),
        "classes": int(model.output_shape[-1]),
        "data": {"mnist": mnist.described(data / "mnist"), **pen_strokes.described(data)},
        "split": {
            "held_out_letters": sorted(pen_strokes.HELD_OUT_LETTERS),
            "digits_trained_on": len(digits.training),
            "writers_trained_on": len({d.person for d in digits.training}),
            "sources": sorted({d.donor for d in digits.training}),
            "digits_of_validation": len(digits.validation),
            "writers_of_validation": sorted({d.person for d in digits.validation}),
            "letters_trained_on": sum(
                letter.label not in pen_strokes.HELD_OUT_LETTERS for letter in letters.training
            ),
        },
        "configuration": configuration.as_dict(),
        "versions": {**library_versions(), "preprocessing": PREPROCESSING_VERSION},
    }


def accuracies(model: keras.Model, data: DataOfTraining) -> dict[str, float]:
    """Return accuracies for the reports during training."""
    found = {"mnist": accuracy(model, data.mnist_validation)}
    if data.drawings is not None:
        for how, sample in data.drawings.digits.items():
            right = predict(model, sample.instances).argmax(1) == sample.labels
            found[how] = float(right.mean())
    return found


def print_progress(progress: Progress, steps: int) -> None:
    figures = ", ".join(f"{name} {100 * value:.2f} %" for name, value in progress.accuracy.items())
    left = (steps - progress.step) * progress.seconds / max(progress.steps, 1)
    print(
        f"step {progress.step:5d} of {steps}  loss {progress.loss:.4f}  validation: {figures}  "
        f"{progress.cpu_seconds:.0f} CPU s, about {left:.0f} s left",
        flush=True,
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", default="digits", help="a name in training/configs, or a .toml file"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder with mnist/ and pen-strokes/ (default: ../shared/data beside the project)",
    )
    parser.add_argument("--output", type=Path, default=ARTIFACTS, help="folder of the artefacts")
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="threads of one operation (default: all cores); one costs the fewest CPU seconds",
    )
    parser.add_argument("--seed", type=int, help="random seed instead of the configuration's")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument(
        "--measure-only", action="store_true", help="write seeds/seed-N.json and store no model"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
