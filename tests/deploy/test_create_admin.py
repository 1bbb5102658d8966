"""`make admin` creates a staff user, with a password that is worth something."""

import os
import subprocess
import sys
from pathlib import Path

from tests.harness import ROOT


def create_admin(database: Path, password: str) -> "subprocess.CompletedProcess[str]":
    given = {
        "DATABASE_URL": f"sqlite:///{database}",
        "DJANGO_SUPERUSER_USERNAME": "owner",
        "DJANGO_SUPERUSER_PASSWORD": password,
    }
    return subprocess.run(
        [sys.executable, "deploy/create_admin.py"],
        cwd=ROOT, env=os.environ | given, capture_output=True, text=True, timeout=120,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_weak_password_is_refused_in_one_line(tmp_path: Path) -> None:
    refused = create_admin(tmp_path / "site.sqlite3", "abc")
    assert refused.returncode == 1
    assert "The password was refused: This password is too short." in refused.stderr
    assert "Traceback" not in refused.stderr
    created = create_admin(tmp_path / "site.sqlite3", "crisp-otter-70141")
    assert (created.returncode, created.stderr) == (0, "")
    assert "created" in created.stdout
