"""A file of zeros beside SQLite's, which is given up when the disk is full.

The site leaves room itself (`require_room`), but other programs may fill the disk. Then a
deletion or a login could not be written, although a deletion is just what somebody needs.
"""

import os
from pathlib import Path

import structlog

from webui.database.maintenance import KEPT_FREE_BYTES, LOG_BYTES, free_bytes, sqlite_file
from webui.database.private_files import FILE_MODE

logger = structlog.get_logger(__name__)


def keep_reserve() -> None:
    """Creates the reserve, if there is none and the disk has room to spare."""
    path = _path()
    if path is None or path.exists() or (free_bytes() or 0) < KEPT_FREE_BYTES + LOG_BYTES:
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except FileExistsError:  # another process was faster
        return
    try:
        os.posix_fallocate(descriptor, 0, LOG_BYTES)
    except OSError as problem:
        path.unlink(missing_ok=True)
        logger.warning("no_reserve", problem=str(problem))
    finally:
        os.close(descriptor)


def give_up_reserve() -> bool:
    """Deletes the reserve if the disk is full; returns whether there is room now."""
    path = _path()
    if path is None or (free_bytes() or 0) >= LOG_BYTES or not path.exists():
        return False
    path.unlink(missing_ok=True)
    logger.warning("reserve_given_up", path=str(path), freed_bytes=LOG_BYTES)
    return True


def _path() -> Path | None:
    file = sqlite_file()
    return None if file is None else file.with_name(f"{file.name}-reserve")
