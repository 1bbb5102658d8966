"""Polls the file system for versions (`FileSystemStoragePathSource`).

A version is a child of the model's base path whose name is a number. A regular file counts as
a version, too, and fails to load. The source does not wait until a directory is complete:
export to another place, then rename.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tensorflow_serving.config import file_system_storage_path_source_pb2

from serving.server.status import StatusError, invalid_argument

logger = logging.getLogger(__name__)

Policy: TypeAlias = (
    file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy
)
VERSION = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)[ \t\n\v\f\r]*")  # absl::SimpleAtoi
INT64 = (-(2**63), 2**63 - 1)


@dataclass(frozen=True)
class ServableToMonitor:
    """A model's base path and version policy."""

    name: str
    base_path: Path
    policy: Policy


class FileSystemStoragePathSource:
    """Polls every model's base path and reports the versions that its policy selects."""

    def __init__(
        self, *, poll_seconds: float, aspire: Callable[[str, Mapping[int, Path]], None]
    ) -> None:
        """Create a source that does not poll yet.

        Args:
            poll_seconds: the time between polls; 0: poll once; negative: never.
            aspire: called with the selected versions of a model.
        """
        self._poll_seconds = poll_seconds
        self._aspire = aspire
        self._monitored: tuple[ServableToMonitor, ...] = ()
        self._lock = threading.Lock()  # the configuration does not change during a poll
        self._stopping = threading.Event()

    def configure(self, monitored: tuple[ServableToMonitor, ...]) -> None:
        """Replace the models to poll; models that are no longer listed are unloaded."""
        with self._lock:
            names = {each.name for each in monitored}
            for former in self._monitored:
                if former.name not in names:
                    self._aspire(former.name, {})
            self._monitored = monitored

    def start(self) -> None:
        if self._poll_seconds >= 0:
            threading.Thread(target=self._run, name="storage-source", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def poll(self) -> None:
        """Read every base path once; if one of them cannot be read, nothing is reported."""
        with self._lock:
            selected = {each.name: selected_versions(each) for each in self._monitored}
            for name, versions in selected.items():
                self._aspire(name, versions)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.poll()
            except StatusError as error:
                logger.error("Encountered a file system access error: %s", error.message)
            except Exception:
                logger.exception("Encountered a file system access error")
            if self._poll_seconds == 0:
                return
            self._stopping.wait(self._poll_seconds)


def selected_versions(monitored: ServableToMonitor) -> dict[int, Path]:
    """Return the versions in the file system that the policy selects.

    Raises:
        StatusError: the base path does not exist.
        OSError: the base path cannot be listed.
    """
    base = monitored.base_path
    if not base.exists():
        raise invalid_argument(
            f"Could not find base path {base} for servable {monitored.name} with error "
            f"NOT_FOUND: {base} not found"
        )
    children = children_by_version(sorted(child.name for child in base.iterdir()))
    choice = monitored.policy.WhichOneof("policy_choice")
    if choice == "all":
        selected = children
    elif choice == "specific":
        numbers = set(monitored.policy.specific.versions)
        selected = {number: name for number, name in children.items() if number in numbers}
        for number in sorted(numbers - selected.keys()):
            logger.warning(
                "Version %d of servable %s, which was requested to be served as a 'specific' "
                "version in the servable's version policy, was not found in the file system",
                number,
                monitored.name,
            )
    else:
        count = max(monitored.policy.latest.num_versions, 1)
        selected = {number: children[number] for number in sorted(children, reverse=True)[:count]}
    if not selected:
        logger.warning(
            "No versions of servable %s found under base path %s. Did you forget to name your "
            "leaf directory as a number (eg. '/1/')?",
            monitored.name,
            base,
        )
    return {number: base / name for number, name in selected.items()}


def children_by_version(names: list[str]) -> dict[int, str]:
    """Return the children that are versions; the last of several names for one number counts."""
    children: dict[int, str] = {}
    for name in names:
        match = VERSION.fullmatch(name)
        if match is None or not INT64[0] <= int(match.group(1)) <= INT64[1]:
            continue
        number = int(match.group(1))
        if number in children:
            logger.warning(
                "Duplicate version directories detected. Version %d will be loaded from %s, %s "
                "will be ignored.",
                number,
                name,
                children[number],
            )
        children[number] = name
    return children
