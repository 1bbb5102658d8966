"""TensorFlow Serving's text configuration files, read and checked as it does."""

from pathlib import Path
from typing import TypeAlias, TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_serving.config import model_server_config_pb2

from serving.server.status import failed_precondition, invalid_argument, not_found

ModelServerConfig: TypeAlias = model_server_config_pb2.ModelServerConfig
ModelConfig: TypeAlias = model_server_config_pb2.ModelConfig
TENSORFLOW_PLATFORM = "tensorflow"

M = TypeVar("M", bound=Message)


def read_text_proto(path: Path, into: M) -> M:
    """Parse a file in protobuf's text format.

    Raises:
        StatusError: the file cannot be read or parsed; the error names the line.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise not_found(f"{path}; No such file or directory") from None
    except (OSError, UnicodeDecodeError) as error:
        raise invalid_argument(f"{path}; {error}") from None
    if not text:  # TensorFlow maps the file into memory, which fails for an empty one
        raise invalid_argument(f"{path}; Invalid argument (the file is empty)")
    try:
        text_format.Parse(text, into)
    except text_format.ParseError as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}': {error}") from None
    return into


def single_model(name: str, base_path: str) -> ModelServerConfig:
    """Return the configuration for `--model_name` and `--model_base_path`."""
    config = ModelServerConfig()
    config.model_config_list.config.add(
        name=name, base_path=base_path, model_platform=TENSORFLOW_PLATFORM
    )
    return config


def check_config(config: ModelServerConfig, former: ModelServerConfig | None) -> None:
    """Check that a server with the configuration `former` may change to `config`.

    Raises:
        StatusError: the reason why it may not.
    """
    kind = config.WhichOneof("config")
    if former is not None and former.WhichOneof("config") is not None and kind is None:
        raise failed_precondition(
            "Cannot transition to requested config. It is only legal to transition from one "
            "ModelConfigList to another."
        )
    if kind == "custom_model_config":
        raise failed_precondition("ModelServer does not yet support custom model config.")
    platforms = _platforms(former) if former is not None else {}
    names: set[str] = set()
    for model in config.model_config_list.config:
        if model.name in names:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        names.add(model.name)
    for model in config.model_config_list.config:
        if not model.base_path.startswith("/"):
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI; got "
                f"base_path()={model.base_path}"
            )
    for name, platform in _platforms(config).items():
        if platforms.get(name, platform) != platform:
            raise invalid_argument(
                f"Illegal to change a model's platform. For model {name} platform was "
                f"{platforms[name]} and new platform requested is {platform}"
            )
        if platform != TENSORFLOW_PLATFORM:
            raise invalid_argument(
                f"Model {name} requests unsupported platform {platform}; this server has "
                f"{TENSORFLOW_PLATFORM}"
            )


def _platforms(config: ModelServerConfig) -> dict[str, str]:
    return {model.name: _platform(model) for model in config.model_config_list.config}


def _platform(model: ModelConfig) -> str:
    if model.model_type != model_server_config_pb2.MODEL_TYPE_UNSPECIFIED:
        if model.model_platform:
            raise invalid_argument(
                "Illegal setting both ModelServerConfig::model_type (deprecated) and "
                "ModelServerConfig::model_platform."
            )
        if model.model_type == model_server_config_pb2.TENSORFLOW:
            return TENSORFLOW_PLATFORM
        raise invalid_argument(
            f"ModelServerConfig::model_type choice {model.model_type} not supported."
        )
    if not model.model_platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            "ModelServerConfig::model_platform."
        )
    return str(model.model_platform)
