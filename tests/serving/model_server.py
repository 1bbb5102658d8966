"""A real model server beside a test, and a model of its own in it for each test."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving import models_config
from serving.client import ServingClient, ServingError
from serving.versions.manager import VersionManager
from serving.versions.repository import Repository
from tests.serving.tiny_models import ROOT, build_tiny_models

START_SECONDS = 400  # TensorFlow is imported; on two cores with much else to do that takes long
NO_MODELS = "model_config_list {}\n"
_numbers = itertools.count(1)


class ModelServer:
    """`python -m serving.server` with a models directory; can be killed and started again."""

    def __init__(self, models_dir: Path) -> None:
        self.models_dir = models_dir
        self.config_path = models_dir / "models.config"
        self.log = models_dir.parent / f"{models_dir.name}-server.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "serving.server",
                    f"--rest_api_port={self.port}",
                    f"--model_config_file={self.config_path}",
                    "--model_config_file_poll_wait_seconds=1",
                    "--allow_version_labels_for_unavailable_models=true",
                    "--num_load_threads=2",
                    "--max_num_load_retries=1",
                    "--load_retry_interval_micros=200000",
                ],
                cwd=ROOT,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)

    def kill(self) -> None:
        """As a crash does, with requests in its hands."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    stop = kill

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class Stage:
    """One model in a server: its files, a client, and what can be published."""

    def __init__(self, server: ModelServer, exports: Path, *, model_name: str) -> None:
        self.server = server
        self.exports = exports
        self.model_name = model_name
        self.repository = Repository(models_dir=server.models_dir, model_name=model_name)
        self.client = ServingClient(
            base_url=server.url, model_name=model_name, config_file=server.config_path
        )
        self.versions = VersionManager(repository=self.repository, client=self.client)

    def put(self, version: int, name: str) -> None:
        """A version that is simply there."""
        self.repository.model_dir.mkdir(exist_ok=True)
        with self.repository.adding(self.exports / name, version):
            pass

    def serve(self, *, versions: dict[int, str], stable: int) -> None:
        """Makes this the only model that the server has; returns when its label answers."""
        for version, name in versions.items():
            self.put(version, name)
        text = (
            f'model_config_list {{ config {{ name: "{self.model_name}" '
            f'base_path: "{self.repository.model_dir}" model_platform: "tensorflow" '
            f"model_version_policy {{ specific {{ versions: {stable} }} }} }} }}"
        )
        models_config.write_text(self.server.config_path, text)
        if self.server.process is None:
            self.server.start()
        self.wait(lambda: any(status.available for status in self.client.versions()))
        self.repository.write_config(versions=list(versions), labels={})
        self.wait(lambda: sum(s.available for s in self.client.versions()) == len(versions))
        self.repository.write_config(versions=list(versions), labels={"stable": stable})
        self.wait(lambda: self.client.ask_label("stable") == stable)

    def wait(self, true: Callable[[], bool], *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if true():
                    return
            except ServingError:
                pass
            assert time.monotonic() < deadline, self.server.log.read_text()[-5000:]
            time.sleep(0.05)

    def available(self) -> set[int]:
        return {status.version for status in self.client.versions() if status.available}


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SavedModels by name, see `tests.serving.tiny_models`; do not change them, copy them."""
    directory = tmp_path_factory.mktemp("tiny-models")
    build_tiny_models(directory)
    return directory


@pytest.fixture(scope="session")
def model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """One for all tests; it starts with the first model that a `stage` serves."""
    server = ModelServer(tmp_path_factory.mktemp("models"))
    server.config_path.write_text(NO_MODELS)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def stage(model_server: ModelServer, tiny_models: Path) -> Iterator[Stage]:
    """Versions 1 and 2, loaded and saying digits 1 and 2; 1 is stable."""
    stage = Stage(model_server, tiny_models, model_name=f"digits_{next(_numbers)}")
    stage.serve(versions={1: "digit-1", 2: "digit-2"}, stable=1)
    try:
        yield stage
    finally:
        shutil.rmtree(stage.repository.model_dir, ignore_errors=True)
