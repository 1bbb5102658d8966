"""Files and directories that only the user of the site may read."""

import os
import threading
from contextlib import suppress
from pathlib import Path

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
_creating = threading.Lock()  # no thread opens a database before another has closed the new file
OF_OTHERS = 0o077  # the permissions of the group and of everybody


def make_private_directory(path: Path) -> None:
    """Creates the directory and its parents, or takes the permissions of others from it."""
    path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    _restrict(path)


def make_private_file(path: Path) -> None:
    """Creates an empty file, or takes the permissions of others from an existing one.

    An existing file is never opened: closing it would release the locks that this process holds
    on it (POSIX), and SQLite in other processes would believe that nobody uses the database.

    Raises:
        OSError: the file does not exist and cannot be created.
    """
    with _creating:
        if not path.exists():
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT, FILE_MODE))
    _restrict(path)


def restrict_file(path: Path) -> None:
    """Takes the permissions of others from a file, if it exists."""
    if path.exists():
        _restrict(path)


def _restrict(path: Path) -> None:
    """Leaves the owner's permissions alone; without effect on another user's file."""
    with suppress(FileNotFoundError, PermissionError):
        mode = path.stat().st_mode & 0o777
        if mode & OF_OTHERS:
            path.chmod(mode & ~OF_OTHERS)
