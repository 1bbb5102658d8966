"""Trains the next version on a snapshot of collected drawings, with the base data mixed in.

    python -m training.retrain --snapshot DIR           # fine-tune the stable version: minutes
    python -m training.retrain --snapshot DIR --anew    # train from the beginning: 20 CPU minutes

The network is stored below training/artifacts/retrained with its parent, the hashes of all data and
the version of the code in its metadata, and exported below var/exports, ready to be published.
"""

import argparse
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS
from training.configuration import (
    CONFIGS,
    Configuration,
    ConfigurationError,
    config_path,
    from_tables,
    read_configuration,
)
from training.data import mnist, pen_strokes, snapshot
from training.data.instances import Instances, concatenated
from training.data.snapshot import Rendered, Snapshot, SnapshotError
from training.data.training_set import TrainingSet
from training.export import ExportError, export
from training.network.calibration import correct_prior
from training.network.inference import accuracy
from training.network.loop import Trainer, limit_threads
from training.parent import Parent, ParentError, models_directory, stable_parent
from training.paths import ARTIFACTS, DATA, MODELS, ROOT, SCRATCH
from training.train import (
    DataOfTraining,
    accuracies,
    load_data,
    measure,
    origin,
    print_progress,
)
from training.trained_network import DIGITS, NetworkFiles, TrainedNetwork, files_of, save

RETRAINED = ARTIFACTS / "retrained"
EXPORTS = SCRATCH / "exports"
FINE_TUNING = CONFIGS / "finetune.toml"


@dataclass(frozen=True)
class Mixture:
    """The part of a batch that comes from the snapshot; `[snapshot]` of finetune.toml."""

    share: float
    most_times: int
    variants: int


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    limit_threads(options.threads)
    try:
        retrain(options)
    except (
        SnapshotError, ParentError, ConfigurationError, ExportError,
        mnist.MnistError, pen_strokes.PenStrokesMissing,
    ) as error:  # fmt: skip
        print(f"retrain: {error}", file=sys.stderr)
        return 2
    return 0


def retrain(options: argparse.Namespace) -> Path:
    """Train, store and export the next version; return the directory of the export.

    Raises:
        SnapshotError, ParentError, ConfigurationError, ExportError, MnistError, PenStrokesMissing:
            nothing is stored.
    """
    collected = snapshot.read_snapshot(options.snapshot)
    if not collected.training:
        raise SnapshotError(
            f"{options.snapshot} has no drawing to train on: all its writers are in the test part"
        )
    parent = stable_parent(options.models or models_directory(), options.artifacts)
    recipe = config_path(options.config)
    configuration, mixture = read_recipe(
        parent, recipe=recipe, anew=options.anew, steps=options.steps
    )
    data = load_data(configuration, options.data)
    print(
        f"Training on {len(collected.training)} drawings of {options.snapshot}, "
        + ("from the beginning" if options.anew else f"starting from version {parent.version}")
    )
    rendered = snapshot.render(collected.training, configuration.data, variants=mixture.variants)
    mixed = mix(data.training, rendered, configuration, mixture)
    model, seconds = _train(
        configuration, replace(data, training=mixed), None if options.anew else parent
    )
    metadata = _metadata(model, data, configuration, collected, parent, options, seconds)
    print("\n".join(f"{name:45} {value}" for name, value in metadata["metrics"].items()))
    network = TrainedNetwork(model, metadata)
    files = new_files(options.output, metadata["made_at"])
    save(network, files)
    print(f"Written: {files.architecture}, .weights.h5, .metadata.json")
    exported = export(
        network, parent.version + 1, output=options.exports / files.architecture.stem / MODELS.name
    )
    print(f"Compare it with the stable version: make gate CHALLENGER={exported}")
    print(f'Publish it: python manage.py models publish {exported} --note "…"')
    return exported


def read_recipe(
    parent: Parent, *, recipe: Path, anew: bool, steps: int | None = None
) -> tuple[Configuration, Mixture]:
    """Return the configuration of a retraining.

    Fine-tuning has the parent's network, and the run and the optimiser of finetune.toml.

    Raises:
        ConfigurationError: names the section and the value.
    """
    base = read_configuration(recipe).as_dict()
    own = tomllib.loads(FINE_TUNING.read_text(encoding="utf-8"))
    mixture = Mixture(**own["snapshot"])
    if not anew:
        network = parent.network.metadata.get("configuration", {}).get("network")
        if network is None:
            raise ConfigurationError(
                f"the network of version {parent.version} does not say how it is built, so it "
                "cannot be fine-tuned; train from the beginning (--anew)"
            )
        base |= {"run": own["run"], "optimiser": own["optimiser"], "network": network}
    configuration = from_tables(base, source=str(recipe if anew else FINE_TUNING))
    if steps is not None:
        run = replace(configuration.run, steps=steps, report_every=min(500, steps))
        configuration = replace(configuration, run=run)
    return configuration, mixture


def mix(
    base: TrainingSet, rendered: Rendered, configuration: Configuration, mixture: Mixture
) -> TrainingSet:
    """Return the base data with the collected drawings among its pen digits and negatives."""
    added = rendered.instances
    first = len(base.labels)
    numbers = np.arange(first, first + len(added), dtype=np.int32)
    negative = added.labels == NOT_A_DIGIT_CLASS
    batch, steps = configuration.batch, configuration.run.steps
    rows = dict(base.rows)
    for name, chosen, places in (
        ("pen", ~negative, batch.pen),
        ("negative", negative, batch.negative),
    ):
        drawings = int(chosen.sum()) / max(mixture.variants, 1)
        most = mixture.most_times * drawings / max(steps * places, 1)
        rows[name] = _with_share(base.rows[name], numbers[chosen], min(mixture.share, most))
    # What was rendered from strokes is augmented already, as the base's drawings are.
    augmentation = configuration.augmentation
    of_ink = np.where(negative, augmentation.negative, augmentation.pen)
    strength = np.where(rendered.with_ink, of_ink, 1.0).astype(np.float32)
    joined = concatenated(Instances(base.images, base.labels), added)
    return TrainingSet(
        images=joined.images,
        labels=joined.labels,
        strength=np.concatenate([base.strength, strength]),
        rows=rows,
    )


def _with_share(
    rows: NDArray[np.int32], added: NDArray[np.int32], share: float
) -> NDArray[np.int32]:
    """Return the rows with the added ones repeated until they have this share."""
    if not len(added) or share <= 0:
        return rows
    wanted = round(len(rows) * share / (1 - share))
    return np.concatenate([rows, np.resize(added, max(wanted, 1))])


def _train(
    configuration: Configuration, data: DataOfTraining, parent: Parent | None
) -> tuple[keras.Model, float]:
    """Train, from the parent's weights if there is one; return model and CPU seconds."""
    trainer = Trainer(configuration, data.training, classes=data.classes)
    trained = configuration.batch.negative / configuration.batch.size
    expected = configuration.calibration.expected_negatives
    if parent is not None:
        start = parent.network.model
        correct_prior(start, trained=expected, expected=trained)  # back to the shares of a batch
        try:
            trainer.start_from(start)
        except ValueError as error:
            raise ParentError(
                f"version {parent.version} has another architecture than the code builds; train "
                f"from the beginning (--anew): {error}"
            ) from error
    trainer.run(
        validate=lambda model: accuracies(model, data),
        report=lambda progress: print_progress(progress, configuration.run.steps),
    )
    model = trainer.finished()
    correct_prior(model, trained=trained, expected=expected)
    return model, trainer.cpu_seconds


def _metadata(
    model: keras.Model,
    data: DataOfTraining,
    configuration: Configuration,
    collected: Snapshot,
    parent: Parent,
    options: argparse.Namespace,
    seconds: float,
) -> dict[str, Any]:
    """Return the training metadata: data, code, parent, calibration and metrics."""
    metrics, validation = measure(model, data)
    if validation is None:
        raise ConfigurationError(
            f"{options.config} trains on MNIST alone; drawings need [batch] pen"
        )
    test = snapshot.as_recorded(collected.test)
    if len(test):
        metrics["snapshot_test_accuracy"] = accuracy(model, test)
        metrics["snapshot_test_drawings"] = len(test)
    told = origin(configuration, options.data or DATA, model)
    how = "Trained" if options.anew else f"Fine-tuned from version {parent.version}"
    return {
        **told,
        "title": f"{how} with {len(collected.training)} collected drawings",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "temperature": validation.temperature,
        "thresholds": {
            "digit_confidence": validation.choice.digit_confidence,
            "not_a_digit": validation.choice.not_a_digit,
        },
        "metrics": metrics,
        "cpu_seconds": {"training": round(seconds, 1)},
        "data": told["data"] | {"snapshot": f"sha256:{collected.sha256}"},
        "versions": told["versions"]
        | {"code": code_version(), "parent": parent.version, "anew": options.anew},
        "collected": {
            "drawings": len(collected.training),
            "writers": len({drawing.writer for drawing in collected.training}),
            "test_drawings": len(collected.test),
            "test_writers": len({drawing.writer for drawing in collected.test}),
        },
    }


def code_version() -> str:
    """Return the git commit, with "-changed" after uncommitted changes; else the release.

    The trainer's image has neither git nor the installed package: "unknown".
    """
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        try:
            return f"release {package_version('drawn-digits')}"
        except PackageNotFoundError:
            return "unknown"
    return f"{commit}-changed" if changed else commit


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    ).stdout.strip()


def new_files(directory: Path, made_at: str) -> NetworkFiles:
    """Return files that do not exist yet, named after the time."""
    stamp = datetime.fromisoformat(made_at).strftime("%Y%m%d-%H%M%S")
    number = 0
    while True:
        name = f"{DIGITS}-{stamp}" + (f"-{number}" if number else "")
        files = files_of(name, directory)
        if not files.architecture.exists():
            return files
        number += 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--snapshot", type=Path, required=True, help="folder that snapshot_dataset wrote"
    )
    parser.add_argument(
        "--config",
        default="digits",
        help="base recipe: a name in training/configs, or a .toml file",
    )
    parser.add_argument(
        "--anew", action="store_true", help="train from the beginning, as `make train` does"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder with mnist/ and pen-strokes/ (default: ../shared/data beside the project)",
    )
    parser.add_argument(
        "--models", type=Path, help="models directory (default: that of `make run`, else bundled)"
    )
    parser.add_argument(
        "--artifacts", type=Path, default=ARTIFACTS, help="where the parent's network is"
    )
    parser.add_argument("--output", type=Path, default=RETRAINED, help="folder of the network")
    parser.add_argument("--exports", type=Path, default=EXPORTS, help="folder of the SavedModel")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--threads", type=int, default=0, help="of one operation (default: all)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
