"""The command line: tensorflow_model_server's flags, by their names, with its defaults.

`--name=value`, `--name value` (which the real binary does not take for strings and numbers,
but every other tool does), and for switches `--name`, `--name=true`, `--name=false`. A flag
that neither knows is refused by name.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

TRUE = ("true", "t", "yes", "y", "1", "")
FALSE = ("false", "f", "no", "n", "0")


class FlagError(Exception):
    """What is wrong with the command line; printed with the usage."""


@dataclass(frozen=True)
class Flags:
    """Every flag that this server acts upon. Defaults are main.cc's of TensorFlow Serving 2.20."""

    rest_api_port: int = 0
    rest_api_num_threads: int = 4 * (os.cpu_count() or 1)
    rest_api_timeout_in_ms: int = 30_000
    rest_api_enable_cors_support: bool = False
    rest_api_bind_address: str = "0.0.0.0"  # ours: 127.0.0.1 keeps it to this machine  # noqa: S104
    port: int = 8500
    model_name: str = "default"
    model_base_path: str = ""
    model_config_file: str = ""
    model_config_file_poll_wait_seconds: int = 0
    allow_version_labels_for_unavailable_models: bool = False
    file_system_poll_wait_seconds: int = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    num_load_threads: int = 0
    num_unload_threads: int = 0
    enable_batching: bool = False
    batching_parameters_file: str = ""
    monitoring_config_file: str = ""
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 0
    enable_signature_method_name_check: bool = False
    saved_model_tags: str = "serve"
    tensorflow_session_parallelism: int = 0
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    flush_filesystem_caches: bool = True
    version: bool = False


HELP: dict[str, str] = {
    "rest_api_port": "Port to listen on for HTTP/REST API; 0: none",
    "rest_api_num_threads": "Number of threads for HTTP/REST API processing",
    "rest_api_timeout_in_ms": "Timeout for HTTP/REST API calls",
    "rest_api_enable_cors_support": "Enable CORS headers in response",
    "rest_api_bind_address": "Address to listen on (this server's own flag)",
    "port": "Accepted and not used: this server has no gRPC",
    "model_name": "Name of the model (ignored if --model_config_file is set)",
    "model_base_path": "Directory of the model's versions (ignored if --model_config_file is set)",
    "model_config_file": "An ascii ModelServerConfig protobuf: several models, policies, labels",
    "model_config_file_poll_wait_seconds": "Seconds between reads of that file; 0: only at start",
    "allow_version_labels_for_unavailable_models": "Let a new label point to an unloaded version",
    "file_system_poll_wait_seconds": "Seconds between looks for new versions; 0: once",
    "max_num_load_retries": "Times a failed load is tried again",
    "load_retry_interval_micros": "Microseconds between those",
    "num_load_threads": "Threads that load versions; 0: the manager's own, which then waits",
    "num_unload_threads": "Threads that unload versions; 0: the manager's own",
    "enable_batching": "Batch requests together",
    "batching_parameters_file": "An ascii BatchingParameters protobuf",
    "monitoring_config_file": "An ascii MonitoringConfig protobuf",
    "enable_model_warmup": "Run a version's warm-up records when it is loaded",
    "num_request_iterations_for_warmup": "Times each warm-up record is run",
    "enable_signature_method_name_check": "Ask for the method's own method_name in signatures",
    "saved_model_tags": "Comma-separated tags of the MetaGraphDef to load",
    "tensorflow_session_parallelism": "Threads of a TensorFlow session; 0: automatic",
    "tensorflow_intra_op_parallelism": "Threads within one op; 0: automatic",
    "tensorflow_inter_op_parallelism": "Ops run at the same time; 0: automatic",
    "flush_filesystem_caches": "Accepted; the operating system's page cache does this here",
    "version": "Display version",
}

# Flags of the real binary that would change what is served, and that this server has not.
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
    """Reads a command line without the program's name.

    Raises:
        FlagError: an unknown flag, or a value that is not of the flag's kind.
    """
    kinds = get_type_hints(Flags)
    values: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("--"):
            raise FlagError(f"unknown argument: {argument}")
        name, equals, text = argument[2:].partition("=")
        if name in NOT_OFFERED:
            raise FlagError(
                f"--{name} is a flag of tensorflow_model_server that this embedded server "
                "does not have"
            )
        if name not in kinds:
            raise FlagError(f"unknown argument: --{name}")
        if not equals and kinds[name] is not bool:
            if not rest:
                raise FlagError(f"--{name} needs a value, like --{name}=…")
            text = rest.pop(0)
        values[name] = _value(name, kinds[name], text)
    return _checked(Flags(**values))


def _value(name: str, kind: type, text: str) -> bool | int | str:
    if kind is bool:
        if text.lower() in TRUE:
            return True
        if text.lower() in FALSE:
            return False
        raise FlagError(f"Couldn't interpret value {text} for flag {name}: true or false")
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise FlagError(
                f"Couldn't interpret value {text} for flag {name}: a whole number"
            ) from None
    return text


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
    """What `--help` or a bad command line prints."""
    lines = ["usage: python -m serving.server", "Flags:"]
    for each in fields(Flags):
        shown = str(each.default).lower() if isinstance(each.default, bool) else each.default
        text = f'"{shown}"' if isinstance(each.default, str) else shown
        lines.append(f"\t--{each.name}={text}\t{HELP[each.name]}")
    return "\n".join(lines)
