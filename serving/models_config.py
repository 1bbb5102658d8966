"""TensorFlow Serving's `models.config`: which versions are served, and which labels name them.

The file is a `ModelServerConfig` in protobuf's text format (`model_server_config.proto` and
`file_system_storage_path_source.proto` of tensorflow/serving 2.20). The site's image holds no
TensorFlow, so the messages are described here, by their own names and field numbers, in a pool
of their own: they never meet the generated ones where both are installed. A file is read whole
and everything in it that nobody asked to change is kept; comments alone are not.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

CONFIG_NAME = "models.config"
HEADER = (
    "# TensorFlow Serving's ModelServerConfig. `manage.py models` and the admin's page \"Model\n"
    '# versions" write it, by rename; a label may only name a version that is loaded.\n'
)


class ConfigError(Exception):
    """`models.config` is missing, is no ModelServerConfig, or has no such model."""


_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "double": _Field.TYPE_DOUBLE,
    "enum": _Field.TYPE_ENUM,
}
_PACKAGE = "tensorflow.serving"


def _add_fields(
    message: descriptor_pb2.DescriptorProto, fields: Sequence[tuple[int, str, str]]
) -> None:
    """Adds (number, name, type) to a message; a type in brackets is a repeated one."""
    for number, name, type_name in fields:
        repeated = type_name.startswith("[")
        type_name = type_name.strip("[]")
        field = message.field.add(
            name=name,
            number=number,
            label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
        )
        if type_name in _SCALARS:
            field.type = _SCALARS[type_name]
            if type_name == "enum":
                field.type_name = f".{_PACKAGE}.ModelType"
        else:
            field.type = _Field.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{type_name}"


def _describe() -> Any:
    """The class of ModelServerConfig, from a description of the messages it is made of."""
    file = descriptor_pb2.FileDescriptorProto(
        name="serving/models_config.proto", package=_PACKAGE, syntax="proto3"
    )
    kinds = file.enum_type.add(name="ModelType")
    for number, kind in enumerate(("MODEL_TYPE_UNSPECIFIED", "TENSORFLOW", "OTHER")):
        kinds.value.add(name=kind, number=number)

    _add_fields(
        file.message_type.add(name="LogCollectorConfig"),
        [(1, "type", "string"), (2, "filename_prefix", "string")],
    )
    _add_fields(file.message_type.add(name="SamplingConfig"), [(1, "sampling_rate", "double")])
    _add_fields(
        file.message_type.add(name="LoggingConfig"),
        [
            (1, "log_collector_config", "LogCollectorConfig"),
            (2, "sampling_config", "SamplingConfig"),
        ],
    )

    policy = file.message_type.add(name="ServableVersionPolicy")
    _add_fields(policy.nested_type.add(name="Latest"), [(1, "num_versions", "uint32")])
    policy.nested_type.add(name="All")
    _add_fields(policy.nested_type.add(name="Specific"), [(1, "versions", "[int64]")])
    policy.oneof_decl.add(name="policy_choice")
    _add_fields(
        policy,
        [
            (100, "latest", "ServableVersionPolicy.Latest"),
            (101, "all", "ServableVersionPolicy.All"),
            (102, "specific", "ServableVersionPolicy.Specific"),
        ],
    )
    for field in policy.field:
        field.oneof_index = 0

    config = file.message_type.add(name="ModelConfig")
    entry = config.nested_type.add(name="VersionLabelsEntry")
    entry.options.map_entry = True
    _add_fields(entry, [(1, "key", "string"), (2, "value", "int64")])
    _add_fields(
        config,
        [
            (1, "name", "string"),
            (2, "base_path", "string"),
            (3, "model_type", "enum"),
            (4, "model_platform", "string"),
            (7, "model_version_policy", "ServableVersionPolicy"),
            (8, "version_labels", "[ModelConfig.VersionLabelsEntry]"),
            (6, "logging_config", "LoggingConfig"),
        ],
    )
    _add_fields(file.message_type.add(name="ModelConfigList"), [(1, "config", "[ModelConfig]")])
    _add_fields(
        file.message_type.add(name="ModelServerConfig"),
        [(1, "model_config_list", "ModelConfigList")],
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"{_PACKAGE}.ModelServerConfig")
    )


_ModelServerConfig = _describe()


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What the file says of one model."""

    base_path: str  # as the model server sees it
    versions: tuple[int, ...] | None  # of policy `specific`, ascending; None: another policy
    labels: Mapping[str, int]


def parse_config(text: str) -> Any:
    """The ModelServerConfig message that a text is.

    Raises:
        ConfigError: with the line and column of what is wrong.
    """
    try:
        return text_format.Parse(text, _ModelServerConfig())
    except text_format.ParseError as problem:
        raise ConfigError(
            f"models.config is no ModelServerConfig that this site knows: {problem}"
        ) from problem


def _find(message: Any, name: str) -> Any:
    for config in message.model_config_list.config:
        if config.name == name:
            return config
    names = ", ".join(config.name for config in message.model_config_list.config) or "none"
    raise ConfigError(f"models.config has no model {name!r}; it names: {names}")


def model_config(text: str, name: str) -> ModelConfig:
    """What a config's text says of the model `name`.

    Raises:
        ConfigError: if the text cannot be read or does not name the model.
    """
    config = _find(parse_config(text), name)
    policy = config.model_version_policy
    return ModelConfig(
        base_path=config.base_path,
        versions=(
            tuple(sorted(policy.specific.versions))
            if policy.WhichOneof("policy_choice") == "specific"
            else None
        ),
        labels=dict(config.version_labels),
    )


def with_model(text: str, name: str, *, versions: Sequence[int], labels: Mapping[str, int]) -> str:
    """The config's text with other versions and labels for the model `name`; all else is kept.

    Raises:
        ConfigError: if the text cannot be read or does not name the model.
        ValueError: if a label names a version that would not be served: the model server
            would refuse the whole file, and say so in its log only.
    """
    for label, version in labels.items():
        if version not in versions:
            raise ValueError(
                f"label {label!r} would name version {version}, but versions "
                f"{', '.join(map(str, sorted(versions)))} would be served"
            )
    message = parse_config(text)
    config = _find(message, name)
    del config.model_version_policy.specific.versions[:]
    config.model_version_policy.specific.versions.extend(sorted(set(versions)))
    config.version_labels.clear()
    for label in sorted(labels):
        config.version_labels[label] = labels[label]
    return HEADER + text_format.MessageToString(message)


def read_text(path: Path) -> str:
    """The file's text.

    Raises:
        ConfigError: if there is no such file, or it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(
            f"{path} cannot be read ({problem}); MODELS_DIR must name the directory that the "
            "model server's configuration and versions are in"
        ) from problem


def write_text(path: Path, text: str) -> None:
    """Puts a new text in the file's place, whole or not at all: the server polls the file.

    It is a rename within the directory, so the file itself must not be a mount of its own
    (share the directory between containers). Its permissions stay as they were.

    Raises:
        ConfigError: if the directory cannot be written to.
    """
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            Path(draft).chmod(mode)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise ConfigError(f"{path} cannot be written ({problem})") from problem
