"""A PostgreSQL cluster for these tests, in a temporary directory."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.needs import need
from tests.harness.ports import free_port
from tests.harness.waiting import wait_until

START_SECONDS = 60


def programs() -> Path | None:
    """Return the directory of initdb and postgres, which Debian does not put on PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The DATABASE_URL of an empty database."""
    binaries = programs()
    need(binaries is not None, "PostgreSQL (apt-get install postgresql)")
    assert binaries is not None
    user = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
    directory = Path(tempfile.mkdtemp(prefix="digits-postgres-"))
    if user:
        shutil.chown(directory, user)
    port = free_port()
    try:
        subprocess.run(
            [binaries / "initdb", "-D", directory / "data", "-U", "tester", "-A", "trust"],
            user=user,
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=120,
        )
        server = subprocess.Popen(
            [
                *(binaries / "postgres", "-D", directory / "data", "-p", str(port)),
                *("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={directory}"),
            ],
            user=user,
            cwd=directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            wait_until(
                lambda: subprocess.run(ready, timeout=30).returncode == 0,
                seconds=START_SECONDS,
                message="PostgreSQL answers",
            )
            yield f"postgres://tester@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(timeout=60)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
