"""The embedded model server: in this process, or in one of its own that can be killed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness import ROOT
from tests.harness.ports import free_port, is_listening
from tests.harness.rest_client import Client
from tests.harness.waiting import wait_until

START_SECONDS = 400  # TensorFlow is imported; on two busy cores that takes long
STOP_SECONDS = 150
SITE_FLAGS = (  # what deploy/run_site.py sets, with shorter waits
    "--model_config_file_poll_wait_seconds=1",
    "--allow_version_labels_for_unavailable_models=true",
    "--num_load_threads=2",
    "--max_num_load_retries=1",
    "--load_retry_interval_micros=200000",
    "--enable_batching=true",
    f"--batching_parameters_file={ROOT / 'serving/batching.config'}",
    f"--monitoring_config_file={ROOT / 'serving/monitoring.config'}",
)


class ModelServerProcess:
    """`python -m serving.server` on a models directory; keeps its port when started again."""

    def __init__(self, models_dir: Path) -> None:
        self.models_dir = models_dir
        self.config_path = models_dir / "models.config"
        self.log = models_dir.parent / f"{models_dir.name}-server.log"
        self.port = free_port()  # port 0 means "no REST API" to TensorFlow Serving
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process, and returns when it listens."""
        with self.log.open("ab") as log:
            self.process = process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "serving.server", f"--rest_api_port={self.port}"),
                    *(f"--model_config_file={self.config_path}", *SITE_FLAGS),
                ],
                cwd=ROOT,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(
            lambda: is_listening(self.port) or process.poll() is not None,
            seconds=START_SECONDS,
            message="the model server listens",
            details=self.log.read_text,
        )
        assert process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        """Ends the process with SIGKILL, as a crash does; running requests get no answer."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def model_server_thread(*, wait: bool = True, **flags: Any) -> Iterator[Client]:
    """Runs a model server with these flags in a thread of this process.

    Starting one takes milliseconds, where a process imports TensorFlow first.

    Args:
        wait: whether to wait until it listens.
    """
    # Imports TensorFlow, which most tests do not need.
    from serving.server.flags import Flags
    from serving.server.model_server import ModelServer

    server = ModelServer(Flags(**{"rest_api_bind_address": "127.0.0.1", **flags}))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            server.run()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        if wait:
            wait_until(lambda: failures or is_listening(server.port), interval=0.02)
            if failures:
                raise failures[0]
        yield Client(server.port)
    finally:
        server.stop()
        thread.join(STOP_SECONDS)
        assert not thread.is_alive()


def config_text(models: dict[str, tuple[Path, str]]) -> str:
    """Return a ModelServerConfig; for each name the base path, and more fields as text."""
    configs = "".join(
        f'config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" {more} }}\n'
        for name, (base, more) in models.items()
    )
    return f"model_config_list {{ {configs} }}"
