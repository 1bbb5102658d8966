"""A Valkey server (or Redis, of which it is a fork) in a process of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.needs import need
from tests.harness.ports import free_port, is_listening
from tests.harness.waiting import wait_until


class ValkeyProcess:
    """Keeps its port when it is started again."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program = program
        self._directory = directory
        self._port = free_port()
        self.url = f"valkey://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "--port", str(self._port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda: is_listening(self._port), message="the Valkey server listens")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def valkey_server(directory: Path) -> Iterator[ValkeyProcess]:
    """Run a server with its files in a folder, without any that it would save."""
    program = shutil.which("valkey-server") or shutil.which("redis-server") or ""
    need(bool(program), "valkey-server or redis-server (apt-get install redis-server)")
    server = ValkeyProcess(program, directory)
    try:
        server.start()
        yield server
    finally:
        server.kill()
