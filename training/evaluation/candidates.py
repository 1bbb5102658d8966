"""What is evaluated: a version as it is served, and the JSON plus HDF5 it was exported from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.verdict import Thresholds
from serving.versions.card import ModelCard, read_card, verify_files
from training.export import ARTIFACTS, LATER_NETWORK, NETWORKS, at_temperature, load_network

BATCH = 500
Predict = Callable[[NDArray[np.float32]], NDArray[np.float64]]  # (n, 28, 28) to (n, classes)


@dataclass(frozen=True)
class Subject:
    """One version, twice: the two must agree."""

    version: int
    card: ModelCard
    served: Predict  # the SavedModel's signature
    kept: Predict | None  # JSON plus HDF5 at the card's temperature; None when it is not here

    @property
    def thresholds(self) -> Thresholds:
        return self.card.thresholds


def load(models: Path, version: int, *, artifacts: Path = ARTIFACTS) -> Subject:
    """A version of a models directory, its files checked against its card.

    Raises:
        OSError, serving.versions.card.CardError: it is not there, or not what its card says.
    """
    import tensorflow as tf

    directory = models / str(version)
    card = read_card(directory)
    verify_files(directory, card)
    signature = tf.saved_model.load(str(directory)).signatures["serving_default"]

    def served(instances: NDArray[np.float32]) -> NDArray[np.float64]:
        parts = [
            signature(image=tf.constant(batch))["probabilities"].numpy()
            for batch in _batches(instances)
        ]
        return np.concatenate(parts).astype(np.float64)

    return Subject(version=version, card=card, served=served, kept=_kept(card, version, artifacts))


def _kept(card: ModelCard, version: int, artifacts: Path) -> Predict | None:
    """The network the version was exported from, if it is still the one in `artifacts`."""
    import tensorflow as tf

    name = NETWORKS.get(version, LATER_NETWORK)
    made = artifacts / f"{name}.made.json"
    if not made.is_file():
        return None
    if json.loads(made.read_text(encoding="utf-8")).get("made_at") != card.made_at:
        return None  # trained anew since
    network = load_network(artifacts / f"{name}.json", artifacts / f"{name}.weights.h5", made)
    call = tf.function(lambda image: network.model(image, training=False))

    def kept(instances: NDArray[np.float32]) -> NDArray[np.float64]:
        parts = [
            at_temperature(call(tf.constant(batch)).numpy(), network.temperature)
            for batch in _batches(instances)
        ]
        return np.concatenate(parts)

    return kept


def _batches(instances: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [
        instances[start : start + BATCH, ..., np.newaxis]
        for start in range(0, len(instances), BATCH)
    ]
