"""The command line, and the server process."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from serving.server.flags import FlagError, Flags, parse_flags, usage
from tests.harness import ROOT
from tests.harness.ports import is_listening
from tests.harness.rest_client import TIMEOUT_SECONDS, Client
from tests.harness.waiting import wait_until
from tests.serving.server import models

NEEDED = ["--rest_api_port=8501", "--model_base_path=/models/digits"]


def test_values_and_boolean_flags() -> None:
    flags = parse_flags(
        [
            *NEEDED,
            "--port=8500",
            "--model_name",
            "digits",
            "--enable_batching",
            "--enable_model_warmup=false",
            "--rest_api_enable_cors_support=TRUE",
            "--load_retry_interval_micros=-1",
        ]
    )
    assert flags == Flags(
        rest_api_port=8501,
        model_base_path="/models/digits",
        model_name="digits",
        enable_batching=True,
        enable_model_warmup=False,
        rest_api_enable_cors_support=True,
        load_retry_interval_micros=-1,
    )


def test_defaults() -> None:
    flags = parse_flags(NEEDED)
    assert flags.file_system_poll_wait_seconds == 1
    assert flags.max_num_load_retries == 5
    assert flags.load_retry_interval_micros == 60_000_000
    assert flags.rest_api_timeout_in_ms == 30_000
    assert flags.model_config_file_poll_wait_seconds == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense=1"], "unknown argument: --nonsense"),
        (["plain"], "unknown argument: plain"),
        (["--ssl_config_file=x"], "--ssl_config_file is a flag of tensorflow_model_server"),
        (["--num_load_threads=many"], "num_load_threads: a whole number"),
        (["--enable_batching=maybe"], "enable_batching: true or false"),
        (["--model_name"], "--model_name needs a value"),
        (["--rest_api_port=70000"], "not from 1 to 65535"),
        (["--rest_api_port=0"], "--rest_api_port is needed"),
        (["--rest_api_num_threads=0"], "not at least 1"),
        (["--model_base_path="], "one of --model_base_path and --model_config_file"),
        (
            [
                "--tensorflow_session_parallelism=1",
                "--tensorflow_intra_op_parallelism=1",
                "--tensorflow_inter_op_parallelism=1",
            ],
            "You cannot configure all",
        ),
    ],
)
def test_invalid_command_lines(arguments: list[str], message: str) -> None:
    with pytest.raises(FlagError, match=message):
        parse_flags([*NEEDED, *arguments])


def test_usage_names_every_flag() -> None:
    for name in vars(parse_flags(NEEDED)):
        assert f"--{name}=" in usage()


def run(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "serving.server", *arguments],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )


def test_server_process(tmp_path: Path) -> None:
    models.write_model(tmp_path / "m" / "1", {"serving_default": models.half_plus_two})
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))  # noqa: S104
        port = taken.getsockname()[1]
    flags = (f"--rest_api_port={port}", "--model_name=m", f"--model_base_path={tmp_path / 'm'}")
    server = run(*flags)
    try:
        wait_until(lambda: is_listening(port) or server.poll() is not None)
        client = Client(port)
        assert client.predict("m", {"instances": [1.0]}).json == {"predictions": [2.5]}
        second = run(*flags)
        output = second.communicate(timeout=TIMEOUT_SECONDS)[0]
        assert second.returncode == 1
        assert f"localhost:{port}" in output
        assert "--rest_api_port" in output
    finally:
        server.send_signal(signal.SIGTERM)
        output = server.communicate(timeout=TIMEOUT_SECONDS)[0]
    assert server.returncode == 0, output
    assert f"Exporting HTTP/REST API at:localhost:{port} ..." in output
    assert "Traceback" not in output


def test_unknown_flag_ends_the_process() -> None:
    refused = run("--nonsense")
    output = refused.communicate(timeout=TIMEOUT_SECONDS)[0]
    assert refused.returncode == 1
    assert output.startswith("unknown argument: --nonsense\nusage: ")


def test_failed_load_ends_the_process(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    ended = run(
        *("--rest_api_port=23999", f"--model_base_path={tmp_path / 'm'}"),
        "--max_num_load_retries=0",
    )
    output = ended.communicate(timeout=TIMEOUT_SECONDS)[0]
    assert ended.returncode == 1
    assert (
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available" in output
    )
