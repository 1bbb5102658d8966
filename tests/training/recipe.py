"""A training of seconds: a narrow network on a few made-up instances."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.configuration import (
    CONFIGS,
    Augmentation,
    Batch,
    Configuration,
    Network,
    Run,
    read_configuration,
)
from training.data.instances import Instances
from training.data.rendered_data_set import RenderedDataSet
from training.data.training_set import TrainingSet, assemble

NO_AUGMENTATION = Augmentation(1.0, 1.0, 1.0, *[0.0] * 7)
DIGITS_RECIPE = read_configuration(CONFIGS / "digits.toml")


def tiny(*, steps: int = 12, seed: int = 1, report_every: int = 4) -> Configuration:
    """Return the bundled recipe with a small network, few steps and few drawings."""
    return replace(
        DIGITS_RECIPE,
        data=replace(
            DIGITS_RECIPE.data,
            pen_variants=2,
            prolific_variants=1,
            letter_variants=1,
            styled=8,
            negatives=12,
        ),
        run=Run(seed=seed, steps=steps, report_every=report_every, mixed_bfloat16=False),
        batch=Batch(mnist=8, pen=5, negative=3),
        network=Network(
            channels=(4, 4, 8),
            convolutions=(1, 1, 2),
            dense=16,
            dropout=0.3,
            batch_norm_momentum=0.9,
        ),
    )


def blots(count: int, *, classes: int, first: int = 0, seed: int = 0) -> Instances:
    """Return bright squares whose place depends on the class."""
    rng = np.random.default_rng(seed)
    labels = (first + rng.integers(0, classes, count)).astype(np.int32)
    images = rng.integers(0, 40, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = 3 + 6 * (label // 4), 3 + 6 * (label % 4)
        image[top : top + 5, left : left + 5] = 250
    return Instances(images, labels)


def small_data() -> TrainingSet:
    """Return 100 instances in place of MNIST, 60 of pen digits and 40 negatives."""
    rendered = RenderedDataSet(
        digits=blots(60, classes=10, seed=1),
        negatives=blots(40, classes=1, first=10, seed=2),
        cpu_seconds=0.0,
        digit_sources=np.array(["lab"] * 60),
        negative_sources=np.array(["lab"] * 40),
    )
    return assemble(blots(100, classes=10), rendered)


def write_configuration(folder: Path, **batch: int) -> str:
    """Write a small recipe, with other batches if given, and return its path."""
    sections = tiny(seed=2, steps=6, report_every=3).as_dict()
    sections["batch"].update(batch)
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    path = folder / "small.toml"
    path.write_text("\n".join(lines))
    return str(path)
