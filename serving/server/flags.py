"""The command line: tensorflow_model_server's flags under their own names, with its defaults.

A value may follow the flag's name after `=` or after a space; a boolean flag may stand alone.
An unknown flag is refused by name.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar, get_type_hints

T = TypeVar("T")

TRUE = ("true", "t", "yes", "y", "1", "")
FALSE = ("false", "f", "no", "n", "0")


class FlagError(Exception):
    """An error in the command line; it is printed together with the usage."""


def _flag(default: T, description: str) -> T:
    value: T = field(default=default, metadata={"description": description})
    return value


@dataclass(frozen=True)
class Flags:
    """Every flag that this server acts upon. Defaults are main.cc's of TensorFlow Serving 2.20."""

    rest_api_port: int = _flag(0, "Port to listen on for HTTP/REST API; 0: none")
    rest_api_num_threads: int = _flag(
        4 * (os.cpu_count() or 1), "Number of threads for HTTP/REST API processing"
    )
    rest_api_timeout_in_ms: int = _flag(30_000, "Timeout for HTTP/REST API calls")
    rest_api_enable_cors_support: bool = _flag(False, "Enable CORS headers in response")
    rest_api_bind_address: str = _flag("0.0.0.0", "Address to listen on (this server's own flag)")  # noqa: S104
    port: int = _flag(8500, "Accepted and not used: this server has no gRPC")
    model_name: str = _flag("default", "Name of the model (ignored if --model_config_file is set)")
    model_base_path: str = _flag(
        "", "Directory of the model's versions (ignored if --model_config_file is set)"
    )
    model_config_file: str = _flag(
        "", "An ascii ModelServerConfig protobuf: several models, policies, labels"
    )
    model_config_file_poll_wait_seconds: int = _flag(
        0, "Seconds between polls of --model_config_file; 0: read it only at start"
    )
    allow_version_labels_for_unavailable_models: bool = _flag(
        False, "Let a new label point to an unloaded version"
    )
    file_system_poll_wait_seconds: int = _flag(
        1, "Seconds between polls of the file system for new versions; 0: poll once"
    )
    max_num_load_retries: int = _flag(5, "Number of retries of a failed load")
    load_retry_interval_micros: int = _flag(60_000_000, "Microseconds between retries of a load")
    num_load_threads: int = _flag(
        0, "Threads that load versions; 0: the manager's own thread, which blocks"
    )
    num_unload_threads: int = _flag(0, "Threads that unload versions; 0: the manager's own thread")
    enable_batching: bool = _flag(False, "Batch requests together")
    batching_parameters_file: str = _flag("", "An ascii BatchingParameters protobuf")
    monitoring_config_file: str = _flag("", "An ascii MonitoringConfig protobuf")
    enable_model_warmup: bool = _flag(True, "Run a version's warm-up records when it is loaded")
    num_request_iterations_for_warmup: int = _flag(0, "Number of runs of each warm-up record")
    enable_signature_method_name_check: bool = _flag(
        False, "Require the method's own method_name in signatures"
    )
    saved_model_tags: str = _flag("serve", "Comma-separated tags of the MetaGraphDef to load")
    tensorflow_session_parallelism: int = _flag(0, "Threads of a TensorFlow session; 0: automatic")
    tensorflow_intra_op_parallelism: int = _flag(0, "Threads within one op; 0: automatic")
    tensorflow_inter_op_parallelism: int = _flag(0, "Ops run at the same time; 0: automatic")
    flush_filesystem_caches: bool = _flag(
        True, "Accepted; the operating system's page cache does this here"
    )
    version: bool = _flag(False, "Display version")


# Flags of tensorflow_model_server that would change the answers, and that this server lacks.
NOT_OFFERED = frozenset(
    {
        "grpc_socket_path",
        "grpc_max_threads",
        "grpc_channel_arguments",
        "ssl_config_file",
        "use_alts_credentials",
        "platform_config_file",
        "tensorflow_session_config_file",
        "thread_pool_factory_config_file",
        "per_process_gpu_memory_fraction",
        "remove_unused_fields_from_bundle_metagraph",
        "prefer_tflite_model",
        "num_tflite_pools",
        "num_tflite_interpreters_per_pool",
        "xla_cpu_compilation_enabled",
        "enable_profiler",
        "enable_per_model_metrics",
        "mixed_precision",
        "skip_initialize_tpu",
        "enable_grpc_healthcheck_service",
    }
)


def parse_flags(arguments: Sequence[str]) -> Flags:
    """Parse a command line without the program's name.

    Raises:
        FlagError: a flag is unknown, or its value is not valid.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    kinds = get_type_hints(Flags)
    for each in fields(Flags):
        kind = kinds[each.name]
        parser.add_argument(
            f"--{each.name}",
            nargs="?",
            const=True if kind is bool else None,
            default=each.default,
            type=_boolean if kind is bool else _integer if kind is int else str,
        )
    try:
        values, unknown = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise FlagError(f"{error.argument_name}: {error.message}") from None
    if unknown:
        name = unknown[0].partition("=")[0]
        if name.removeprefix("--") in NOT_OFFERED:
            raise FlagError(
                f"{name} is a flag of tensorflow_model_server that this embedded server "
                "does not have"
            )
        raise FlagError(f"unknown argument: {name}")
    for name, value in vars(values).items():
        if value is None:
            raise FlagError(f"--{name} needs a value, like --{name}=…")
    return _checked(Flags(**vars(values)))


def _boolean(text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise argparse.ArgumentTypeError(f"true or false is needed, not {text}")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a whole number is needed, not {text}") from None


def _checked(flags: Flags) -> Flags:
    if flags.version:
        return flags
    if not flags.model_base_path and not flags.model_config_file:
        raise FlagError("one of --model_base_path and --model_config_file is needed")
    if not 0 <= flags.rest_api_port <= 65535:
        raise FlagError(f"--rest_api_port={flags.rest_api_port} is not from 1 to 65535")
    if not flags.rest_api_port:
        raise FlagError(
            "--rest_api_port is needed: this server offers the REST API only, and the flag's "
            "default of 0 turns that off"
        )
    if flags.rest_api_num_threads < 1:
        raise FlagError(f"--rest_api_num_threads={flags.rest_api_num_threads} is not at least 1")
    if flags.tensorflow_session_parallelism > 0 and (
        flags.tensorflow_intra_op_parallelism > 0 and flags.tensorflow_inter_op_parallelism > 0
    ):
        raise FlagError(
            "Either configure --tensorflow_session_parallelism or "
            "(--tensorflow_intra_op_parallelism, --tensorflow_inter_op_parallelism) separately. "
            "You cannot configure all."
        )
    return flags


def usage() -> str:
    """Return the text that `--help` or an error in the command line prints."""
    lines = ["usage: python -m serving.server", "Flags:"]
    for each in fields(Flags):
        default = each.default
        if isinstance(default, bool):
            default = str(default).lower()
        elif isinstance(default, str):
            default = f'"{default}"'
        lines.append(f"\t--{each.name}={default}\t{each.metadata['description']}")
    return "\n".join(lines)
