"""Tests a model version before a model server sees it.

With the server's default flags one corrupt version blocks every swap for five minutes, and the
server reports the reason only after its last retry. A version whose warm-up has a wrong shape can
even end the server's process. So the version's files are compared with the checksums on its card,
and its warm-up records with its signature. Where TensorFlow is available, the version is also
loaded and asked for predictions in a process of its own, bounded in time and memory, so that a
broken or hostile file can end only that process. The site's image has no TensorFlow.
"""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.versions.card import CARD, CardError, read_card, verify_files
from serving.versions.declared_tensors import GRAPH, InvalidModel, check_declared_tensors

SMOKE_TEST_SECONDS = 180.0  # TensorFlow's import takes 3 to 30 s, a load and its warm-up a few
HEARTBEAT_SECONDS = 0.5
PROCESS_MODULE = "serving.versions.smoke_test_process"


@dataclass(frozen=True, kw_only=True)
class SmokeTest:
    """The result of a smoke test that passed."""

    method: str  # "loaded and asked" or "checksums"
    classes: int | None = None  # the width of its answers, if it was asked


def tensorflow_is_available() -> bool:
    return importlib.util.find_spec("tensorflow") is not None


def run_smoke_test(
    version_dir: Path,
    *,
    seconds: float = SMOKE_TEST_SECONDS,
    heartbeat: Callable[[], None] = lambda: None,
    with_tensorflow: bool | None = None,
) -> SmokeTest:
    """Checks a version's files, and loads it where TensorFlow is available.

    Args:
        version_dir: a complete version, not being written to any more.
        seconds: a bound for loading and asking it.
        heartbeat: called every half second; may raise to give up.
        with_tensorflow: None: if it is available.

    Raises:
        InvalidModel: the version must not be served.
    """
    has_card = check_files(version_dir)
    if tensorflow_is_available() if with_tensorflow is None else with_tensorflow:
        return _load_and_ask(version_dir, seconds=seconds, heartbeat=heartbeat)
    if not has_card:
        raise InvalidModel(
            f"there is no {CARD} with checksums, and no TensorFlow here to load the version "
            "with; export it by export_savedmodel.py, which writes the card"
        )
    return SmokeTest(method="checksums")


def check_files(version_dir: Path) -> bool:
    """Compares a version's files with its card, and its warm-up records with its signature.

    Returns:
        Whether it has a card.

    Raises:
        InvalidModel: the version must not be served.
    """
    has_card = (version_dir / CARD).is_file()
    if has_card:
        _check_checksums(version_dir)
    try:
        check_declared_tensors(version_dir)
    except OSError as error:
        raise InvalidModel(str(error)) from error
    return has_card


def _check_checksums(version_dir: Path) -> None:
    try:
        card = read_card(version_dir)
        verify_files(version_dir, card)
    except (OSError, CardError) as error:
        raise InvalidModel(str(error)) from error
    if GRAPH not in card.files:
        raise InvalidModel(f"{CARD.name} has no checksum of {GRAPH}")


def _load_and_ask(version_dir: Path, *, seconds: float, heartbeat: Callable[[], None]) -> SmokeTest:
    with subprocess.Popen(
        [sys.executable, "-m", PROCESS_MODULE, str(version_dir.resolve())],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            output = _output_of(process, seconds=seconds, heartbeat=heartbeat)
        finally:
            process.kill()  # has no effect on a process that has ended
    try:
        result = json.loads(output.splitlines()[-1])
        problem, classes = result["problem"], result["classes"]
    except (IndexError, ValueError, KeyError, TypeError):
        raise InvalidModel(
            f"loading it ended the process (status {process.returncode}): the file is corrupt, "
            "or it needs too much memory"
        ) from None
    if problem:
        raise InvalidModel(str(problem))
    return SmokeTest(method="loaded and asked", classes=int(classes))


def _output_of(
    process: subprocess.Popen[str], *, seconds: float, heartbeat: Callable[[], None]
) -> str:
    """Waits for the process to end and returns what it printed."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return process.communicate(timeout=HEARTBEAT_SECONDS)[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise InvalidModel(f"it was not loaded and asked within {seconds:.0f} s") from None
            heartbeat()
