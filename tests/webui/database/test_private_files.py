"""SQLite's files belong to the user of the site alone, whoever creates them."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.harness import ROOT
from tests.harness.site import SiteProcess
from tests.webui.records.factory import make_record
from webui.database.private_files import make_private_directory, make_private_file
from webui.records.database_store import DatabaseStore


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    """A umask that lets everybody read what is created, for this process and its children."""
    previous = os.umask(0o000)
    yield
    os.umask(previous)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_migrate_creates_private_files_in_a_private_folder(tmp_path: Path) -> None:
    site = SiteProcess(tmp_path)
    site.database = tmp_path / "new" / "site.sqlite3"
    site.environment["DATABASE_URL"] = f"sqlite:///{site.database}"
    site.succeed("migrate", "--verbosity=0")
    assert mode(site.database.parent) == 0o700
    assert mode(site.database) == 0o600


def test_the_log_of_an_open_database_is_private(tmp_path: Path) -> None:
    """Also where an earlier release has created all three files for everybody to read."""
    site = SiteProcess(tmp_path)
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"site.sqlite3{suffix}").touch(mode=0o644)
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from pathlib import Path\n"
        f"for file in sorted(Path({str(tmp_path)!r}).glob('site.sqlite3*')):\n"
        "    print(file.name, oct(file.stat().st_mode & 0o777))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=site.environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines() == [
        "site.sqlite3 0o600", "site.sqlite3-shm 0o600", "site.sqlite3-wal 0o600"
    ]  # fmt: skip


def test_the_owners_permissions_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "read-only"
    file.touch(mode=0o444)
    make_private_file(file)
    assert mode(file) == 0o400
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    make_private_directory(folder)
    assert mode(folder) == 0o700


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's locks")
def test_a_new_connection_releases_no_lock_of_another_thread() -> None:
    """Without its lock, another process would delete the log with its newest records."""

    def connect() -> None:
        connection.ensure_connection()
        connection.close()

    DatabaseStore().append(make_record())
    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()
    database = connection.settings_dict["NAME"]
    code = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('SELECT * FROM record_data')\n"
        "connection.close()\n"
    )
    subprocess.run([sys.executable, "-c", code, database], check=True, timeout=60)
    assert Path(f"{database}-wal").exists()
