"""Writes files and directories that readers see complete or not at all.

Each is written under a hidden name beside its path and then renamed, which is atomic within one
file system (POSIX). The hidden name is not a version number and matches no reader's pattern, so a
reader that polls the directory does not see a half-written file.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing_file(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yields a draft that replaces the file when the block ends without an error.

    The draft keeps the file's suffix, because some writers choose the format by it.

    Args:
        path: the file to create or to replace; its directory must exist.
        mode: permissions of the new file; None keeps those of the file that is replaced, or
            0o644 for a new one.

    Raises:
        OSError: the directory cannot be written to; the old file is unchanged.
    """
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, name = tempfile.mkstemp(
        prefix=f".{path.stem}-", suffix="".join(path.suffixes[-2:]), dir=path.parent
    )
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(mode)
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Replaces the file by a UTF-8 text; arguments and errors as for `replacing_file`."""
    write_bytes(path, text.encode(), mode=mode)


def write_bytes(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replaces the file by bytes; arguments and errors as for `replacing_file`."""
    with replacing_file(path, mode=mode) as draft:
        draft.write_bytes(data)


@contextmanager
def creating_directory(path: Path) -> Iterator[Path]:
    """Yields an empty draft directory that becomes `path` when the block ends without an error.

    Raises:
        FileExistsError: `path` exists, before or after the block; it is unchanged.
        OSError: the parent directory cannot be written to.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists")
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        draft = scratch / path.name
        draft.mkdir()
        yield draft
        if path.exists():  # rename() would replace an empty directory
            raise FileExistsError(f"{path} exists")
        draft.rename(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def replacing_directory(path: Path) -> Iterator[Path]:
    """Yields an empty draft directory that takes the place of `path` when the block ends.

    An existing directory is renamed away first, since POSIX cannot exchange two: for a moment
    there is none. An error in the block leaves it unchanged.

    Raises:
        OSError: the parent directory cannot be written to.
    """
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        draft = scratch / path.name
        draft.mkdir()
        yield draft
        if path.exists():
            path.rename(scratch / "replaced")
        draft.rename(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sync(path: Path) -> None:
    """Flushes the file or the directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
