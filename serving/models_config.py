"""Reads and changes `models.config`: which versions are served, and which labels name them.

The file is TensorFlow Serving's `ModelServerConfig` in protobuf's text format. It is parsed as a
whole, and fields that are not changed are written back as they were; comments are lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from google.protobuf import text_format

from serving import atomic_files
from serving.protos.serving_config_pb2 import ModelConfig as ModelConfigMessage
from serving.protos.serving_config_pb2 import ModelServerConfig

CONFIG_NAME = "models.config"
HEADER = (
    "# TensorFlow Serving's ModelServerConfig. `manage.py models` and the admin's page \"Model\n"
    '# versions" write it, by rename; a label may only name a version that is loaded.\n'
)


class ConfigError(Exception):
    """`models.config` is missing, is not a ModelServerConfig, or does not name the model."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One model's part of the file."""

    base_path: str  # as the model server sees it
    versions: tuple[int, ...] | None  # of policy `specific`, ascending; None: another policy
    labels: Mapping[str, int]


def parse_config(text: str) -> ModelServerConfig:
    """Parses the text of a `models.config`.

    Raises:
        ConfigError: with the line and column of the mistake.
    """
    try:
        return text_format.Parse(text, ModelServerConfig())
    except text_format.ParseError as error:
        raise ConfigError(f"models.config is not a ModelServerConfig: {error}") from error


def model_config(text: str, name: str) -> ModelConfig:
    """Returns the part of a config's text that describes the model `name`.

    Raises:
        ConfigError: the text cannot be parsed or does not name the model.
    """
    message = _model_in(parse_config(text), name)
    policy = message.model_version_policy
    specific = policy.WhichOneof("policy_choice") == "specific"
    return ModelConfig(
        base_path=message.base_path,
        versions=tuple(sorted(policy.specific.versions)) if specific else None,
        labels=dict(message.version_labels),
    )


def labelled_version(config: Path, name: str, label: str) -> int:
    """Returns the version of the model `name` that a label names in the file `config`.

    Raises:
        ConfigError: the file cannot be read, or has no such model or label.
    """
    version = model_config(read_text(config), name).labels.get(label)
    if version is None:
        raise ConfigError(
            f"{config}: no version of {name!r} has the label {label!r}; promote one first"
        )
    return version


def with_model(text: str, name: str, *, versions: Sequence[int], labels: Mapping[str, int]) -> str:
    """Returns the config's text with other versions and labels for the model `name`.

    Raises:
        ConfigError: the text cannot be parsed or does not name the model.
        ValueError: a label names a version that would not be served. The model server would
            refuse the whole file and report that in its log only.
    """
    for label, version in labels.items():
        if version not in versions:
            raise ValueError(
                f"label {label!r} would name version {version}, but versions "
                f"{', '.join(map(str, sorted(versions)))} would be served"
            )
    config = parse_config(text)
    message = _model_in(config, name)
    message.model_version_policy.specific.versions[:] = sorted(set(versions))
    message.version_labels.clear()
    message.version_labels.update(labels)
    return HEADER + text_format.MessageToString(config)


def with_models_dir(text: str, models_dir: str) -> str:
    """Returns the config's text with every model's base path moved to another directory.

    Args:
        text: of a config.
        models_dir: the directory of the models, as the model server sees it.

    Raises:
        ConfigError: the text cannot be parsed.
    """
    config = parse_config(text)
    for message in config.model_config_list.config:
        message.base_path = f"{models_dir}/{PurePosixPath(message.base_path).name}"
    return HEADER + text_format.MessageToString(config)


def read_text(path: Path) -> str:
    """Returns the file's text.

    Raises:
        ConfigError: the file is missing or cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}); MODELS_DIR must name the directory that the "
            "model server's configuration and versions are in"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Replaces the file by rename, since the model server polls it.

    The file must not be a mount of its own: share its directory between containers.

    Raises:
        ConfigError: the directory cannot be written to.
    """
    try:
        atomic_files.write_text(path, text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error})") from error


def _model_in(config: ModelServerConfig, name: str) -> ModelConfigMessage:
    models = config.model_config_list.config
    for message in models:
        if message.name == name:
            return message
    names = ", ".join(message.name for message in models) or "none"
    raise ConfigError(f"models.config has no model {name!r}; it names: {names}")
