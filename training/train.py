"""Trains the network of version 2 and keeps it as JSON plus HDF5, with how it was made.

python -m training.train                         # configs/digits.toml: 31 CPU minutes
python -m training.train --resume                # goes on where the last one was broken off
python -m training.train --seed 2 --measure-only # another seed, for the spread of the figures
python -m training.train --config quick --threads 1 # MNIST alone, 99.38 % in 10 CPU seconds
"""

import argparse
import hashlib
import json
import os
import platform
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
    CONFIGS,
    Configuration,
    ConfigurationError,
    read_configuration,
)
from training.data import mnist, pen_strokes
from training.data.instances import Instances
from training.data.rendered_data_set import Pool, build_pool
from training.data.training_set import TrainingData, gather, mnist_parts
from training.evaluation.validation import Judgement, Scores, Validation, judge, load_validation
from training.network.architecture import CLASSES
from training.network.calibration import expect_outliers
from training.network.loop import Progress, Training, accuracy, predict

ARTIFACTS = Path(__file__).parent / "artifacts"
WORKPLACE = Path(__file__).parent.parent / "var" / "training"
NAME = "model_digits"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    try:
        configuration = read_configuration(_config_path(options.config))
        if options.seed is not None:
            run = replace(configuration.run, seed=options.seed)
            configuration = replace(configuration, run=run)
        material = _material(configuration, options.data)
    except (ConfigurationError, mnist.MnistError, pen_strokes.PenStrokesMissing) as error:
        print(error, file=sys.stderr)
        return 2
    training = Training(configuration, material.data, classes=material.classes)
    place = WORKPLACE / f"{Path(options.config).stem}-{configuration.run.seed}"
    if options.resume and training.resume(place):
        print(f"Resumed after step {training.step}")
    training.run(
        checkpoints=place,
        judge=lambda model: _quick_look(model, material),
        report=lambda line: _print_progress(line, configuration.run.steps),
    )
    model = training.finished()
    if material.validation is not None:
        expect_outliers(
            model,
            trained=configuration.batch.outlier / configuration.batch.size,
            expected=configuration.calibration.expected_outliers,
        )
    figures, judgement = _figures(model, material)
    spent = {
        "training": round(training.cpu_seconds, 1),
        "pool": round(material.pool.cpu_seconds, 1),
        "together": round(training.cpu_seconds + material.pool.cpu_seconds, 1),
    }
    for name, figure in figures.items():
        print(f"{name:45} {figure}")
    print(f"CPU seconds: {spent}")
    if judgement is None:  # MNIST alone: measured, not kept
        return 0
    made = _made(configuration, options.data or DATA, model, judgement, figures, spent)
    result = options.output / "seeds" / f"seed-{configuration.run.seed}.json"
    _write(result, _json(made))
    print(f"Written: {result}")
    if not options.measure_only:
        save(model, made, options.output)
        print(f"Written: {options.output}/{NAME}.json, .weights.h5, .made.json")
    return 0


@dataclass(frozen=True)
class Material:
    """What a training reads and is judged by."""

    data: TrainingData
    classes: int
    pool: Pool
    mnist_validation: Instances
    mnist_test: Instances
    validation: Validation | None  # None when MNIST is all there is


def _material(configuration: Configuration, data_dir: Path | None) -> Material:
    """Reads, and draws what has to be drawn."""
    with_drawings = configuration.batch.pen + configuration.batch.outlier > 0
    if with_drawings:
        pen_strokes.checksums(data_dir or DATA)  # a missing file is named before MNIST is read
    folder = data_dir / "mnist" if data_dir else None  # without: as training.mnist finds it
    (train_images, train_labels), (test_images, test_labels) = mnist.load(folder)
    every = configuration.data.mnist_validation_every
    training, validation = mnist_parts(train_images, train_labels, every)
    pool = Pool.empty()
    if with_drawings:
        print("Drawing the pool of pen strokes (kept under var/training for the next time)")
        pool = build_pool(data_dir or DATA, configuration.data, cache=WORKPLACE)
    return Material(
        data=gather(training, pool, drawings_bent=configuration.augmentation.drawings),
        classes=CLASSES if with_drawings else 10,
        pool=pool,
        mnist_validation=validation,
        mnist_test=Instances(test_images, test_labels.astype(np.int32)),
        validation=load_validation(data_dir or DATA) if with_drawings else None,
    )


def _figures(model: keras.Model, material: Material) -> tuple[dict[str, Any], Judgement | None]:
    figures: dict[str, Any] = {
        "mnist_validation_accuracy": accuracy(model, material.mnist_validation),
        "mnist_test_accuracy": accuracy(model, material.mnist_test),  # read once, here
        # The likeliest of the ten digits, as the page says it, whatever "not a digit" got.
        "mnist_test_digit_accuracy": float(
            (
                predict(model, material.mnist_test.images)[:, :10].argmax(1)
                == material.mnist_test.labels
            ).mean()
        ),
    }
    if material.validation is None:
        return figures, None
    judgement = judge(material.validation, _scores(model, material.validation))
    return figures | judgement.metrics, judgement


def save(model: keras.Model, made: dict[str, Any], directory: Path, name: str = NAME) -> None:
    """Architecture, weights, and how they were made; made.json last, naming the others' sums."""
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / f"{name}.json", model.to_json(indent=1) + "\n")
    partial = directory / f"{name}.partial.weights.h5"
    model.save_weights(partial)
    partial.rename(directory / f"{name}.weights.h5")
    files = {f"{name}{end}": directory / f"{name}{end}" for end in (".json", ".weights.h5")}
    made["files"] = {
        file: "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        for file, path in files.items()
    }
    _write(directory / f"{name}.made.json", _json(made))


def _made(
    configuration: Configuration,
    data: Path,
    model: keras.Model,
    judgement: Judgement,
    figures: dict[str, Any],
    spent: dict[str, float],
) -> dict[str, Any]:
    digits = pen_strokes.split(pen_strokes.load_digits(data))
    letters = pen_strokes.split(pen_strokes.load_other(data))
    return {
        "name": "digits",
        "title": "Six convolutions on MNIST, pen strokes and what is no digit",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": configuration.run.seed,
        "parameters": int(model.count_params()),
        "classes": int(model.output_shape[-1]),
        "temperature": judgement.temperature,
        "thresholds": {
            "digit_confidence": judgement.choice.digit_confidence,
            "not_a_digit": judgement.choice.not_a_digit,
        },
        "trade_off": asdict(judgement.choice),
        "metrics": figures,
        "cpu_seconds": spent,
        "data": mnist.checksums(data / "mnist") | pen_strokes.checksums(data),
        "split": {
            "held_out_donors": sorted(pen_strokes.HELD_OUT_DONORS),
            "held_out_letters": sorted(pen_strokes.HELD_OUT_LETTERS),
            "digits_trained_on": len(digits.training),
            "writers_trained_on": len({d.person for d in digits.training}),
            "digits_of_other_laboratories": len(digits.other_laboratories),
            "digits_of_other_writers": len(digits.other_writers),
            "writers_of_validation": sorted({d.person for d in digits.validation}),
            "letters_trained_on": sum(
                letter.label not in pen_strokes.HELD_OUT_LETTERS for letter in letters.training
            ),
        },
        "configuration": configuration.as_dict(),
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "preprocessing": PREPROCESSING_VERSION,
        },
    }


def _scores(model: keras.Model, validation: Validation) -> Scores:
    def all_of(parts: dict[str, Instances]) -> dict[str, Any]:
        return {name: predict(model, part.images) for name, part in parts.items()}

    return Scores(
        digits=all_of(validation.digits),
        laboratories=all_of(validation.laboratories),
        seen_letters=predict(model, validation.seen_letters.images),
        unseen_letters=predict(model, validation.unseen_letters.images),
        outliers=all_of(validation.outliers),
    )


def _quick_look(model: keras.Model, material: Material) -> dict[str, float]:
    figures = {"mnist": accuracy(model, material.mnist_validation)}
    if material.validation is not None:
        figures["tidy"] = accuracy(model, material.validation.digits["tidy"])
        figures["other laboratories"] = accuracy(model, material.validation.laboratories["tidy"])
    return figures


def _print_progress(line: Progress, steps: int) -> None:
    figures = ", ".join(f"{name} {100 * value:.2f} %" for name, value in line.accuracy.items())
    left = (steps - line.step) * line.seconds / max(line.steps, 1)
    print(
        f"step {line.step:5d} of {steps}  loss {line.loss:.4f}  validation: {figures}  "
        f"{line.cpu_seconds:.0f} CPU s, about {left:.0f} s left",
        flush=True,
    )


def _config_path(name: str) -> Path:
    return Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"


def _write(path: Path, text: str) -> None:
    """Complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.rename(path)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=False) + "\n"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="training.train", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--config", default="digits", help="a name in training/configs, or a .toml file"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder with mnist/ and pen-strokes/ (default: ../shared/data beside the project)",
    )
    parser.add_argument("--output", type=Path, default=ARTIFACTS, help="where the artefacts go")
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="of one operation (default: all cores); one costs the fewest CPU seconds",
    )
    parser.add_argument("--seed", type=int, help="instead of the configuration's")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--measure-only", action="store_true", help="write seeds/seed-N.json and keep no model"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
