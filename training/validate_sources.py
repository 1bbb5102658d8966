"""Compares recipes by the people of sources that are left out of the training.

    python -m training.validate_sources                       # configs/digits.toml, three seeds
    python -m training.validate_sources --recipe digits --recipe trial --seed 1
    python -m training.validate_sources --steps 6000 --fold 1
    python -m training.validate_sources --steps 11200 --seed 2 --card  # adds them to the model card

Every source (a laboratory or a collection) is read by a network that was trained without it, with a
shortened recipe. Each finished training is kept under var/sources, and a training that was
interrupted goes on from its last checkpoint, so the same command finishes what is missing. It
prints a table as Markdown, and how each recipe differs from the first; --report prints it from what
there is and trains nothing.
"""

import argparse
import json
import shutil
import sys
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path

from training.configuration import (
    Configuration,
    ConfigurationError,
    config_path,
    read_configuration,
)
from training.data import mnist, pen_strokes, rendered_data_set
from training.data.training_set import assemble, split_mnist
from training.evaluation import left_out
from training.evaluation.left_out import FOLDS, Cell, SourceResult
from training.network.calibration import correct_prior
from training.network.inference import accuracy, predict
from training.network.loop import Trainer, limit_threads
from training.paths import DATA, SCRATCH
from training.trained_network import DIGITS, files_of, write_json

STEPS = 3000  # of a shortened training, four CPU minutes: a first look, too short to choose by
SEEDS = (1, 2, 3)
SAMPLE_SEED = 40  # of the perturbations; neither validation's nor evaluation's
RESULTS = SCRATCH / "sources"
RENDERED = SCRATCH / "training"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    limit_threads(options.threads)
    recipes = options.recipe or ["digits"]
    seeds = options.seed or list(SEEDS)
    folds = [number - 1 for number in options.fold or range(1, len(FOLDS) + 1)]
    found: dict[str, list[Cell]] = defaultdict(list)
    try:
        for seed in seeds:  # every recipe with one seed first, so that the first table comes early
            for recipe in recipes:
                for fold in folds:
                    configuration = _shortened(recipe, seed=seed, steps=options.steps)
                    path = RESULTS / Path(recipe).stem / left_out.cell_name(configuration, fold)
                    if not path.is_file():
                        if options.report:
                            continue
                        print(f"{recipe}, seed {seed}, without {', '.join(FOLDS[fold])}")
                        _train(configuration, fold, path, data=options.data)
                    found[recipe].append(left_out.read_cell(path))
    except (ConfigurationError, mnist.MnistError, pen_strokes.PenStrokesMissing) as error:
        print(f"validate_sources: {error}", file=sys.stderr)
        return 2
    print(report(found, steps=options.steps, seeds=len(seeds)))
    if options.card:
        return _add_to_metadata(options.metadata, found[recipes[0]], seeds=len(seeds))
    return 0


def _add_to_metadata(path: Path, cells: list[Cell], *, seeds: int) -> int:
    """Add what strangers get to the training metadata, which the export makes the card of."""
    total = left_out.summary(left_out.by_source(cells), seeds)
    if total is None or len(cells) != seeds * len(FOLDS):
        print("validate_sources: not every fold is trained, so nothing is added", file=sys.stderr)
        return 2
    metadata = json.loads(path.read_text(encoding="utf-8"))
    metadata["metrics"]["strangers"] = {**asdict(total), "trainings": len(cells)}
    write_json(path, metadata)
    print(f"Added to {path}; `make export` makes a version with it")
    return 0


def _shortened(recipe: str, *, seed: int, steps: int) -> Configuration:
    configuration = read_configuration(config_path(recipe))
    run = replace(configuration.run, seed=seed, steps=steps)
    return replace(configuration, run=run)


def _train(configuration: Configuration, fold: int, path: Path, *, data: Path) -> None:
    """Train without the sources of a fold and store what the network answers to them."""
    checkpoints = path.with_suffix(".checkpoints")
    (images, labels), _ = mnist.load(data / "mnist")  # the test set is not looked at
    every = configuration.data.mnist_validation_every
    training, validation = split_mnist(images, labels, every)
    rendered = rendered_data_set.render(data, configuration.data, cache=RENDERED)
    trainer = Trainer(
        configuration,
        assemble(training, rendered.without(FOLDS[fold]), configuration.augmentation),
    )
    trainer.resume(checkpoints)
    trainer.run(
        checkpoints=checkpoints,
        validate=lambda model: {"mnist": accuracy(model, validation)},
        report=lambda progress: print(
            f"  step {progress.step}, loss {progress.loss:.4f}, MNIST's validation part "
            f"{progress.accuracy['mnist']:.2%}, {progress.cpu_seconds:.0f} CPU s",
            flush=True,
        ),
    )
    model = trainer.finished()
    correct_prior(
        model,
        trained=configuration.batch.negative / configuration.batch.size,
        expected=configuration.calibration.expected_negatives,
    )
    digits, negatives = left_out.load_samples(data, FOLDS[fold], seed=SAMPLE_SEED)
    cell = Cell(
        digits={how: predict(model, sample.instances) for how, sample in digits.items()},
        labels={how: sample.labels for how, sample in digits.items()},
        people={how: sample.people_array for how, sample in digits.items()},
        negatives={name: predict(model, sample.instances) for name, sample in negatives.items()},
    )
    left_out.write_cell(path, cell)
    shutil.rmtree(checkpoints, ignore_errors=True)


def report(found: dict[str, list[Cell]], *, steps: int, seeds: int) -> str:
    """Return a table of sources for each recipe, with its verdicts on strangers."""
    parts = []
    for recipe, cells in found.items():
        results = left_out.by_source(cells)
        rows = [_row(one) for one in results.values()]
        parts += [
            f"## {Path(recipe).stem}: {steps:,} steps, {len(cells)} trainings\n",
            "| source | people | digits read | clean | perturbed |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
        ]
        if total := left_out.summary(results, seeds):
            parts.append(
                f"| **mean** | | | **{total.mean_clean:.2%}** | **{total.mean_perturbed:.2%}** |"
            )
            parts.append(
                f"| worst | | | {total.worst_clean[1]:.2%} ({total.worst_clean[0]}) "
                f"| {total.worst_perturbed[1]:.2%} ({total.worst_perturbed[0]}) |"
            )
        said = left_out.verdicts(cells)
        choice = said.choice
        parts.append(
            f'\nDigits refused {choice.refused_digits:.2%}, "unsure" {choice.unsure_digits:.2%}, '
            f"right when sure {choice.right_when_sure:.2%}; temperature {said.temperature:.3f}, "
            f'"not a digit" from {choice.not_a_digit}, sure from {choice.digit_confidence}. '
            'Called "not a digit": '
            + ", ".join(f"{name} {share.value:.1%}" for name, share in said.refused.items())
            + ".\n"
        )
    return "\n".join([*parts, *_differences(found)])


def _differences(found: dict[str, list[Cell]]) -> list[str]:
    """Return a table of each recipe's differences from the first, on the same renderings."""
    recipes = list(found)
    rows = []
    for recipe in recipes[1:]:
        if _people(found[recipe]) != _people(found[recipes[0]]):
            continue  # not all of it is trained yet
        one = left_out.difference(found[recipe], of=found[recipes[0]])
        right = _signed(one.most_probable, one.most_probable_interval, factor=100, places=2)
        loss = _signed(one.log_loss, one.log_loss_interval, factor=1, places=4)
        rows.append(f"| {Path(recipe).stem} | {right} | {loss} |")
    if not rows:
        return []
    return [
        f"## Differences from {Path(recipes[0]).stem}\n",
        "| recipe | right, by the most probable digit, in points | log loss of the digits |",
        "| --- | ---: | ---: |",
        *rows,
        "",
    ]


def _people(cells: list[Cell]) -> list[list[str]]:
    return [cell.people["clean"].tolist() for cell in cells]


def _signed(value: float, interval: tuple[float, float], *, factor: float, places: int) -> str:
    shown, low, high = (f"{factor * part:+.{places}f}" for part in (value, *interval))
    return f"{shown} ({low} to {high})"


def _row(one: SourceResult) -> str:
    def cell(value: float, interval: tuple[float, float]) -> str:
        return f"{value:.2%} ({interval[0]:.1%} to {interval[1]:.1%})"

    return (
        f"| {one.source} | {one.people} | {one.clean.of:,} | "
        f"{cell(one.clean.value, one.clean_interval)} | "
        f"{cell(one.perturbed.value, one.perturbed_interval)} |"
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--recipe", action="append", help="a name in training/configs, or a .toml file; repeatable"
    )
    parser.add_argument("--seed", type=int, action="append", help="repeatable (default: 1, 2, 3)")
    parser.add_argument(
        "--fold",
        type=int,
        action="append",
        choices=range(1, len(FOLDS) + 1),
        help="only these sources; repeatable",
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="of each shortened training")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the collections")
    parser.add_argument("--threads", type=int, default=0, help="threads of one operation")
    parser.add_argument("--report", action="store_true", help="train nothing; print what there is")
    parser.add_argument(
        "--card",
        action="store_true",
        help="add mean and worst of the first recipe to the training metadata, for the model card",
    )
    parser.add_argument(
        "--metadata", type=Path, default=files_of(DIGITS).metadata, help="file that --card writes"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
