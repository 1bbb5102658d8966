"""Instances as they are stored for training: bytes, with their class."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Instances:
    """Pictures as bytes (255 is ink 1.0) with their class."""

    images: NDArray[np.uint8]  # (n, 28, 28)
    labels: NDArray[np.int32]  # (n,), 10 is "not a digit"

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, mask: NDArray[np.bool_]) -> "Instances":
        """Return the instances whose place in the mask is true."""
        return Instances(self.images[mask], self.labels[mask])

    @classmethod
    def empty(cls) -> "Instances":
        return cls(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int32))


def concatenated(*parts: Instances) -> Instances:
    """Return all instances in the order of the parts."""
    return Instances(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def to_bytes(instance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Convert an instance (28, 28) in 0..1 to bytes."""
    return np.round(np.clip(instance, 0.0, 1.0) * 255).astype(np.uint8)


def seed_from(name: str) -> int:
    """Return a number for a random seed that is the same for the name in every process."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
