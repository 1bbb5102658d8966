"""The parent of a retraining: the stable version, and the network that it was exported from."""

import json
from dataclasses import dataclass
from pathlib import Path

from serving.labels import STABLE
from serving.models_config import CONFIG_NAME, ConfigError, labelled_version
from serving.versions.card import CardError, ModelCard, read_card
from training.paths import ARTIFACTS, MODELS, SCRATCH
from training.trained_network import NetworkError, NetworkFiles, TrainedNetwork, files_of, load

METADATA_END = ".metadata.json"


class ParentError(ValueError):
    """There is no stable version, or its network is not among the artefacts."""


@dataclass(frozen=True)
class Parent:
    """A version with its network."""

    version: int
    card: ModelCard
    network: TrainedNetwork


def models_directory() -> Path:
    """Return the models directory of `make run` if there is one, else the bundled versions'."""
    running = SCRATCH / "models"
    return running if (running / CONFIG_NAME).is_file() else MODELS.parent


def stable_parent(models_dir: Path, artifacts: Path = ARTIFACTS) -> Parent:
    """Return the stable version and load its network.

    Args:
        models_dir: holds `digits/VERSION/`, and `models.config` in it or beside it.
        artifacts: searched for the network, with all folders below it.

    Raises:
        ParentError: says what is missing.
    """
    config = models_dir / CONFIG_NAME
    if not config.is_file():  # of the bundled versions, it is beside the directory
        config = models_dir.parent / CONFIG_NAME
    try:
        version = labelled_version(config, MODELS.name, STABLE)
    except ConfigError as error:
        raise ParentError(str(error)) from error
    directory = models_dir / MODELS.name / str(version)
    try:
        card = read_card(directory)
    except (OSError, CardError) as error:
        raise ParentError(f"the stable version {version} has no readable card: {error}") from error
    try:
        return Parent(version, card, load(network_of(card, artifacts)))
    except NetworkError as error:
        raise ParentError(str(error)) from error


def network_of(card: ModelCard, artifacts: Path) -> NetworkFiles:
    """Return the files of the network that a version was exported from.

    Its training metadata has the time and the size that are on the card.

    Raises:
        ParentError: there is none.
    """
    for path in sorted(artifacts.rglob(f"*{METADATA_END}")):
        try:
            metadata = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if (metadata.get("made_at"), metadata.get("parameters")) == (card.made_at, card.parameters):
            return files_of(path.name.removesuffix(METADATA_END), path.parent)
    raise ParentError(
        f"no network below {artifacts} is that of the stable version {card.version}, made at "
        f"{card.made_at}; fine-tuning starts from its .json and .weights.h5 (--artifacts names "
        "their folder), a training from the beginning needs neither (--anew)"
    )
