"""What a training sees, in one array, and in which order.

The order in which a training reads follows from its seed and the step alone, so that a resumed
training reads on where it broke off.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS
from training.configuration import Batch
from training.data.instances import Instances, joined, number_of
from training.data.rendered_data_set import Pool


class Sampler:
    """Which instance stands where in which step: a function of the seed and the step alone.

    Each source is read in shuffled rounds, every instance once a round, so that MNIST is seen
    evenly however the batch is divided.
    """

    def __init__(self, sources: dict[str, NDArray[np.int32]], batch: Batch, *, seed: int) -> None:
        """`sources` maps "mnist", "pen", "outlier" to the rows of the data that may be drawn."""
        self._sources = sources
        self._shares = {"mnist": batch.mnist, "pen": batch.pen, "outlier": batch.outlier}
        self._seed = seed

    def batches(self, first_step: int, steps: int) -> NDArray[np.int32]:
        """Rows of the data, (steps, batch size), for steps `first_step` and on."""
        parts = []
        for name, share in self._shares.items():
            rows = self._sources[name]
            if share and not len(rows):
                raise ValueError(f"[batch] wants {share} of {name}, but there are none")
            position = np.arange(first_step * share, (first_step + steps) * share)
            rounds, within = np.divmod(position, max(len(rows), 1))
            drawn = np.empty(len(position), np.int32)
            for turn in np.unique(rounds):
                shuffled = np.random.default_rng([self._seed, number_of(name), int(turn)])
                chosen = rounds == turn
                drawn[chosen] = rows[shuffled.permutation(len(rows))[within[chosen]]]
            parts.append(drawn.reshape(steps, share))
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class TrainingData:
    """Everything of one training in one array, with the rows of each source."""

    images: NDArray[np.uint8]  # (n, 28, 28)
    labels: NDArray[np.int32]  # (n,)
    bending: NDArray[np.float32]  # (n,) share of the augmentation
    rows: dict[str, NDArray[np.int32]]  # of "mnist", "pen", "outlier"


def gather(mnist: Instances, pool: Pool, *, drawings_bent: float = 1.0) -> TrainingData:
    """Joins MNIST's training part, the pool, and a few blanks among what is no digit.

    Args:
        drawings_bent: share of the augmentation that the pool's drawings get.
    """
    outlier = joined(pool.outlier, _blanks()) if len(pool.outlier) else pool.outlier
    parts = (mnist, pool.pen, outlier)
    starts = np.cumsum([0, *map(len, parts)])
    rows = [np.arange(a, b, dtype=np.int32) for a, b in pairwise(starts)]
    return TrainingData(
        images=np.concatenate([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        bending=np.repeat(
            np.float32([1.0, drawings_bent, drawings_bent]), [len(part) for part in parts]
        ),
        rows={"mnist": rows[0], "pen": rows[1], "outlier": rows[2]},
    )


def _blanks(count: int = 200) -> Instances:
    """Paper, and paper with a breath of noise: preprocessing refuses these, a client may not."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 1, (count, 28, 28)) * rng.uniform(0, 60, (count, 1, 1))
    noise[: count // 4] = 0
    return Instances(noise.astype(np.uint8), np.full(count, NOT_A_DIGIT_CLASS, np.int32))


def mnist_parts(
    images: NDArray[np.uint8], labels: NDArray[np.integer], every: int
) -> tuple[Instances, Instances]:
    """MNIST's 60,000 as (training, validation): every `every`-th is validation."""
    judging = np.arange(len(labels)) % every == 0
    kind = labels.astype(np.int32)
    return (
        Instances(images[~judging], kind[~judging]),
        Instances(images[judging], kind[judging]),
    )
