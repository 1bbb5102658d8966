"""A training of seconds: a narrow network on a few made-up instances."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from training.configuration import (
    CONFIGS,
    Batch,
    Configuration,
    Network,
    Run,
    read_configuration,
)
from training.data.instances import Instances
from training.data.rendered_data_set import Pool
from training.data.training_set import TrainingData, gather


def tiny(*, steps: int = 12, seed: int = 1, report_every: int = 4) -> Configuration:
    shipped = read_configuration(CONFIGS / "digits.toml")
    return replace(
        shipped,
        run=Run(seed=seed, steps=steps, report_every=report_every, mixed_bfloat16=False),
        batch=Batch(mnist=8, pen=5, outlier=3),
        network=Network(
            channels=(4, 4, 8),
            convolutions=(1, 1, 2),
            dense=16,
            dropout=0.3,
            batch_norm_momentum=0.9,
        ),
    )


def blots(count: int, *, kinds: int, first: int = 0, seed: int = 0) -> Instances:
    """A bright square whose place says its class."""
    rng = np.random.default_rng(seed)
    labels = (first + rng.integers(0, kinds, count)).astype(np.int32)
    images = rng.integers(0, 40, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = 3 + 6 * (label // 4), 3 + 6 * (label % 4)
        image[top : top + 5, left : left + 5] = 250
    return Instances(images, labels)


def small_data() -> TrainingData:
    pen, outlier = blots(60, kinds=10, seed=1), blots(40, kinds=1, first=10, seed=2)
    return gather(blots(100, kinds=10), Pool(pen, outlier, cpu_seconds=0.0))


def checkpoints_in(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.index"))
