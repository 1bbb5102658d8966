"""The training set in one array, and the order in which it is read.

The order depends on the random seed and the step only, so that a resumed training continues exactly
where it was interrupted.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS
from training.configuration import Augmentation, Batch
from training.data.instances import Instances, concatenated, seed_from
from training.data.rendered_data_set import RenderedDataSet

# The sources of a batch, with the name that the random order of each is derived from. Another name
# would change the order.
SEED_NAMES = {"mnist": "mnist", "pen": "pen", "negative": "outlier"}


class Sampler:
    """The rows of each batch, as a function of the random seed and the step.

    Each source is read in shuffled rounds, every instance once a round, so that all of MNIST is
    read equally often whatever its share of the batch.
    """

    def __init__(self, sources: dict[str, NDArray[np.int32]], batch: Batch, *, seed: int) -> None:
        """`sources` maps each key of SEED_NAMES to the rows of the training set it consists of."""
        self._sources = sources
        self._shares = {"mnist": batch.mnist, "pen": batch.pen, "negative": batch.negative}
        self._seed = seed

    def batches(self, first_step: int, steps: int) -> NDArray[np.int32]:
        """Return the rows of a number of steps from `first_step` on: (steps, batch size).

        Raises:
            ValueError: the batch has a share of a source that is empty.
        """
        parts = []
        for name, share in self._shares.items():
            rows = self._sources[name]
            if share and not len(rows):
                raise ValueError(f"[batch] wants {share} of {name}, but there are none")
            position = np.arange(first_step * share, (first_step + steps) * share)
            rounds, within = np.divmod(position, max(len(rows), 1))
            drawn = np.empty(len(position), np.int32)
            for turn in np.unique(rounds):
                rng = np.random.default_rng([self._seed, seed_from(SEED_NAMES[name]), int(turn)])
                chosen = rounds == turn
                drawn[chosen] = rows[rng.permutation(len(rows))[within[chosen]]]
            parts.append(drawn.reshape(steps, share))
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class TrainingSet:
    """All instances of a training in one array, with the rows of each source."""

    images: NDArray[np.uint8]  # (n, 28, 28)
    labels: NDArray[np.int32]  # (n,)
    strength: NDArray[np.float32]  # (n,) of the augmentation, 0..1
    rows: dict[str, NDArray[np.int32]]  # of each key of SEED_NAMES


def assemble(
    mnist: Instances, rendered: RenderedDataSet, augmentation: Augmentation | None = None
) -> TrainingSet:
    """Join MNIST's training part, the rendered data set, and blanks as further negatives.

    Args:
        mnist: augmented at full strength.
        rendered: may be empty; then there are no blanks either.
        augmentation: has the strength for pen digits and for negatives; full if not given.
    """
    negatives = rendered.negatives
    if len(negatives):
        negatives = concatenated(negatives, _blanks())
    parts = (mnist, rendered.digits, negatives)
    joined = concatenated(*parts)
    starts = np.cumsum([0, *map(len, parts)])
    rows = [np.arange(a, b, dtype=np.int32) for a, b in pairwise(starts)]
    strength = np.ones(len(joined), np.float32)
    if augmentation is not None:
        strength[rows[1]], strength[rows[2]] = augmentation.pen, augmentation.negative
    return TrainingSet(
        images=joined.images,
        labels=joined.labels,
        strength=strength,
        rows=dict(zip(SEED_NAMES, rows, strict=True)),
    )


def split_mnist(
    images: NDArray[np.uint8], labels: NDArray[np.integer], every: int
) -> tuple[Instances, Instances]:
    """Split MNIST's 60,000 into training and validation; every `every`-th is for validation."""
    held_out = np.arange(len(labels)) % every == 0
    classes = labels.astype(np.int32)
    return (
        Instances(images[~held_out], classes[~held_out]),
        Instances(images[held_out], classes[held_out]),
    )


def _blanks(count: int = 200) -> Instances:
    """Return blank paper, most of it with faint noise.

    The preprocessing refuses blanks, but a client that sends instances itself may not.
    """
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 1, (count, 28, 28)) * rng.uniform(0, 60, (count, 1, 1))
    noise[: count // 4] = 0
    return Instances(noise.astype(np.uint8), np.full(count, NOT_A_DIGIT_CLASS, np.int32))
