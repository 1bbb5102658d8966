"""A PostgreSQL of our own for this group: a cluster in a directory that goes away again."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cassandra.node import free_port
from tests.needs import need

START_SECONDS = 60


def programs() -> Path | None:
    """Where initdb and postgres are; Debian keeps them beside the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Of an empty database, for DATABASE_URL."""
    binaries = programs()
    need(binaries is not None, "PostgreSQL (apt-get install postgresql)")
    assert binaries is not None
    user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
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
            wait_for(binaries / "pg_isready", port)
            yield f"postgres://tester@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(timeout=60)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def wait_for(pg_isready: Path, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(
        [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)], timeout=30
    ).returncode:
        assert time.monotonic() < deadline, "PostgreSQL does not answer"
        time.sleep(0.2)
