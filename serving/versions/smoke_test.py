"""Tries a model version before a model server sees it.

With the server's default flags one corrupt version blocks every swap for five minutes, and the
server's own reason shows only when its retries are over. Where TensorFlow is at hand, a version
is loaded and asked in a process of its own, bounded in time and memory: whatever a broken or
hostile file does to TensorFlow, it does there. Where it is not (the site's image), the files
are compared with the checksums that the version's card carries.
"""

import hashlib
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.versions.repository import CARD

SMOKE_TEST_SECONDS = 180.0  # TensorFlow's import takes 3 to 30 s, a load and its warm-up a few
HEARTBEAT_SECONDS = 0.5  # how often the caller hears that the trial is still running
PROCESS_MODULE = "serving.versions.smoke_test_process"


class InvalidModel(Exception):
    """The version must not be served; says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class SmokeTest:
    """How a version was found good."""

    method: str  # "loaded and asked" or "checksums"
    classes: int | None = None  # the width of its answers, where it was asked


def tensorflow_is_available() -> bool:
    return importlib.util.find_spec("tensorflow") is not None


def run_smoke_test(
    version_dir: Path,
    *,
    seconds: float = SMOKE_TEST_SECONDS,
    heartbeat: Callable[[], None] = lambda: None,
    with_tensorflow: bool | None = None,
) -> SmokeTest:
    """Returns how the version was found good.

    Args:
        version_dir: a complete version, not being written to any more.
        seconds: a bound for loading and asking it.
        heartbeat: called every half second; may raise to give up.
        with_tensorflow: None asks whether it is at hand.

    Raises:
        InvalidModel: says what is wrong.
    """
    checksums = read_checksums(version_dir)
    if checksums is not None:
        compare_files(version_dir, checksums)
    if tensorflow_is_available() if with_tensorflow is None else with_tensorflow:
        return _load_and_ask(version_dir, seconds=seconds, heartbeat=heartbeat)
    if checksums is None:
        raise InvalidModel(
            f"there is no {CARD} with checksums, and no TensorFlow here to load the version "
            "with; export it by export_savedmodel.py, which writes the card"
        )
    return SmokeTest(method="checksums")


def read_checksums(version_dir: Path) -> dict[str, str] | None:
    """The card's `files`, "sha256:…" by path within the version; None without a card.

    Raises:
        InvalidModel: if there is a card that does not list the files.
    """
    card = version_dir / CARD
    if not card.is_file():
        return None
    try:
        document: Any = json.loads(card.read_text(encoding="utf-8"))
        files = document["files"]
        listed = {str(name): str(checksum) for name, checksum in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InvalidModel(f"{CARD} is no model card with checksums of its files") from problem
    if "saved_model.pb" not in listed:
        raise InvalidModel(f"{CARD} has no checksum of saved_model.pb")
    return listed


def compare_files(version_dir: Path, checksums: dict[str, str]) -> None:
    """That the version holds the files that its card lists, and no others.

    Raises:
        InvalidModel: naming the first file that is missing, changed or not listed.
    """
    found = {
        path.relative_to(version_dir).as_posix()
        for path in version_dir.rglob("*")
        if path.is_file() and path.relative_to(version_dir) != CARD
    }
    for name in sorted(checksums.keys() | found):
        if name not in found:
            raise InvalidModel(f"{name} is missing; the card lists it")
        if name not in checksums:
            raise InvalidModel(f"{name} is not listed by the card")
        with (version_dir / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if checksums[name] != f"sha256:{digest}":
            raise InvalidModel(f"{name} is not the file that the card was written for (sha256)")


def _load_and_ask(version_dir: Path, *, seconds: float, heartbeat: Callable[[], None]) -> SmokeTest:
    deadline = time.monotonic() + seconds
    with subprocess.Popen(
        [sys.executable, "-m", PROCESS_MODULE, str(version_dir.resolve())],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            output = _wait(process, deadline=deadline, seconds=seconds, heartbeat=heartbeat)
        finally:
            process.kill()  # no harm to one that has ended
    try:
        verdict = json.loads(output.splitlines()[-1])
        problem, classes = verdict["problem"], verdict["classes"]
    except (IndexError, ValueError, KeyError, TypeError):
        raise InvalidModel(
            f"loading it ended the process (status {process.returncode}): the file is corrupt, "
            "or it needs too much memory"
        ) from None
    if problem:
        raise InvalidModel(str(problem))
    return SmokeTest(method="loaded and asked", classes=int(classes))


def _wait(
    process: subprocess.Popen[str],
    *,
    deadline: float,
    seconds: float,
    heartbeat: Callable[[], None],
) -> str:
    """What the process printed, once it has ended."""
    while True:
        try:
            output, _ = process.communicate(timeout=HEARTBEAT_SECONDS)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise InvalidModel(f"it was not loaded and asked within {seconds:.0f} s") from None
            heartbeat()
        else:
            return output
