"""Mean and spread of the metrics over trainings that differ in their random seed only."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.paths import SEEDS


@dataclass(frozen=True)
class Spread:
    """One metric over several trainings."""

    mean: float
    standard_deviation: float | None  # None for a single training
    values: list[float]
    seeds: list[int]


def spread(folder: Path = SEEDS) -> dict[str, Spread]:
    """Return the spread of each metric that all training metadata in a folder have."""
    values: dict[str, list[float]] = defaultdict(list)
    seeds = []
    for path in sorted(folder.glob("seed-*.json")):
        metadata = json.loads(path.read_text(encoding="utf-8"))
        seeds.append(int(metadata["seed"]))
        for name, value in metadata["metrics"].items():
            if isinstance(value, int | float):
                values[name].append(float(value))
    return {
        name: Spread(
            mean=float(np.mean(found)),
            standard_deviation=float(np.std(found, ddof=1)) if len(found) > 1 else None,
            values=found,
            seeds=seeds,
        )
        for name, found in values.items()
        if len(found) == len(seeds)
    }
