"""The files of the tests' SQLite database."""

import subprocess
from pathlib import Path

from django.db import connection


def files() -> list[Path]:
    database = Path(connection.settings_dict["NAME"])
    return sorted(database.parent.glob(f"{database.name}*"))


def found_in_files(secret: bytes) -> list[str]:
    """Returns the files that hold it, read in a process of its own.

    Closing a file releases all locks that a process has on it, those of its connections too.
    """
    reads = {
        file.name: subprocess.run(["cat", file], capture_output=True, check=True)
        for file in files()
    }
    return [name for name, read in reads.items() if secret in read.stdout]
