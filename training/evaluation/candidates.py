"""Candidates: model versions as they are served, with the networks they were exported from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.versions.card import ModelCard, read_card, verify_files
from training import trained_network
from training.network.calibration import at_temperature
from training.network.inference import predict
from training.paths import ARTIFACTS

BATCH = 500
Predict = Callable[[NDArray[np.float32]], NDArray[np.float64]]  # (n, 28, 28) to (n, classes)


@dataclass(frozen=True)
class Candidate:
    """One version, in two forms that must agree."""

    card: ModelCard
    served: Predict  # the signature of the SavedModel
    source: Predict | None  # JSON plus HDF5 at the card's temperature; None if not available


def load(models: Path, version: int, *, artifacts: Path = ARTIFACTS) -> Candidate:
    """Load a version from a directory of versions and check its files against its card.

    Raises:
        OSError, serving.versions.card.CardError: it is missing, or differs from its card.
    """
    return load_directory(models / str(version), artifacts=artifacts)


def load_directory(directory: Path, *, artifacts: Path = ARTIFACTS) -> Candidate:
    """Load a version from its directory, whatever that is called; raises as `load`."""
    import tensorflow as tf

    card = read_card(directory)
    verify_files(directory, card)
    signature = tf.saved_model.load(str(directory)).signatures["serving_default"]

    def served(instances: NDArray[np.float32]) -> NDArray[np.float64]:
        parts = [
            signature(image=tf.constant(instances[start : start + BATCH, ..., np.newaxis]))
            for start in range(0, len(instances), BATCH)
        ]
        return np.concatenate([part["probabilities"].numpy() for part in parts]).astype(np.float64)

    return Candidate(card=card, served=served, source=_source(card, artifacts))


def _source(card: ModelCard, artifacts: Path) -> Predict | None:
    """Return the network that the version was exported from, unless it was trained anew since."""
    files = trained_network.files_of(trained_network.name_of(card.version), artifacts)
    if not files.metadata.is_file():
        return None
    network = trained_network.load(files)
    if network.metadata.get("made_at") != card.made_at:
        return None
    return lambda instances: at_temperature(
        predict(network.model, instances, batch=BATCH), network.temperature
    )
