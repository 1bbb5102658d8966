"""A trained network as files: architecture as JSON, weights as HDF5, and training metadata.

The training metadata says how the network was made: its random seed, configuration, data,
temperature, thresholds and metrics.
"""

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.atomic_files import replacing_file, write_text
from serving.preprocessing import INSTANCE_SIZE
from serving.verdict import DEFAULT_THRESHOLDS, Thresholds
from training.paths import ARTIFACTS

if TYPE_CHECKING:
    import keras

BASELINE = "model_mnist"  # the original demo's name for its files
DIGITS = "model_digits"


class NetworkError(ValueError):
    """A file of a network is missing or does not match the others."""


@dataclass(frozen=True)
class NetworkFiles:
    """The paths of a network's files."""

    architecture: Path
    weights: Path
    metadata: Path


@dataclass(frozen=True)
class TrainedNetwork:
    """A Keras model with its training metadata."""

    model: "keras.Model"
    metadata: dict[str, Any]  # empty if there is none

    @property
    def temperature(self) -> float:
        return float(self.metadata.get("temperature") or 1.0)

    @property
    def thresholds(self) -> Thresholds:
        chosen = self.metadata.get("thresholds")
        if not chosen:
            return DEFAULT_THRESHOLDS
        return Thresholds(
            digit_confidence=float(chosen["digit_confidence"]),
            not_a_digit=float(chosen["not_a_digit"]),
        )


def name_of(version: int) -> str:
    """Return the name of the network that a version is exported from."""
    return BASELINE if version == 1 else DIGITS


def files_of(name: str, directory: Path = ARTIFACTS) -> NetworkFiles:
    """Return the paths of the files of a network with this name."""
    return NetworkFiles(
        *(directory / f"{name}{end}" for end in (".json", ".weights.h5", ".metadata.json"))
    )


def load(files: NetworkFiles) -> TrainedNetwork:
    """Load a network; its metadata may be missing.

    Raises:
        NetworkError: names the file that is missing or does not match the others.
    """
    import keras

    for path in (files.architecture, files.weights):
        if not path.is_file():
            raise NetworkError(
                f"{path} is missing; `make train-baseline` or `make train` writes it"
            )
    try:
        model = keras.models.model_from_json(files.architecture.read_text(encoding="utf-8"))
    except Exception as error:  # Keras raises many types for JSON that is not a network
        raise NetworkError(f"{files.architecture} is not a Keras architecture: {error}") from error
    if not isinstance(model, keras.Model):
        raise NetworkError(
            f"{files.architecture} is not a Keras architecture, but a {type(model).__name__}"
        )
    try:
        model.load_weights(files.weights)
    except Exception as error:  # HDF5's and Keras' own, for the weights of another network
        raise NetworkError(
            f"{files.weights} does not hold the weights of {files.architecture}: {error}"
        ) from error
    shape, classes = model.input_shape, model.output_shape[-1]
    if shape[1:] != (INSTANCE_SIZE, INSTANCE_SIZE, 1) or classes not in (10, 11):
        raise NetworkError(
            f"{files.architecture} takes {shape} and gives {classes} classes; a version takes "
            f"(None, {INSTANCE_SIZE}, {INSTANCE_SIZE}, 1) and gives 10 or 11"
        )
    if not files.metadata.is_file():
        return TrainedNetwork(model=model, metadata={})
    try:
        metadata = json.loads(files.metadata.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NetworkError(f"{files.metadata} is not JSON: {error}") from error
    return TrainedNetwork(model=model, metadata=metadata)


def save(network: TrainedNetwork, files: NetworkFiles) -> None:
    """Write a network, the metadata last and with the checksums of the other files.

    The model must not be compiled: its file of weights would hold the optimiser's moments too.
    """
    files.architecture.parent.mkdir(parents=True, exist_ok=True)
    write_json(files.architecture, json.loads(network.model.to_json()))
    with replacing_file(files.weights) as draft:
        network.model.save_weights(draft)
    checksums = {
        path.name: "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (files.architecture, files.weights)
    }
    write_json(files.metadata, {**network.metadata, "files": checksums})


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that train, for the training metadata."""
    import keras
    import numpy as np
    import tensorflow as tf

    libraries = {"tensorflow": tf, "keras": keras, "numpy": np}
    return {
        "python": platform.python_version(),
        **{name: library.__version__ for name, library in libraries.items()},
    }


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write an indented JSON document in one step."""
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
