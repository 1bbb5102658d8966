"""The state of every model version that this process has seen (`ServableStateMonitor`).

Status documents show it, labels are checked against it, and the server's start waits for it.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from serving.server.status import StatusError

logger = logging.getLogger(__name__)


class ManagerState(Enum):
    """The states of a version, in order (`ServableState::ManagerState`)."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True, order=True)
class ServableId:
    """A model and one of its versions."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{{name: {self.name} version: {self.version}}}"


@dataclass(frozen=True)
class ServableState:
    """The state of a version, and the error if its load failed."""

    state: ManagerState
    error: StatusError | None = None


class ServableStateMonitor:
    """The latest state of each version. Thread-safe."""

    def __init__(self) -> None:
        self._states: dict[str, dict[int, ServableState]] = {}
        self._changes = 0
        self._changed_at: dict[ServableId, int] = {}
        self._changed = threading.Condition()

    def publish(self, version: ServableId, state: ServableState) -> None:
        """Set the state of a version, and log it."""
        if state.error is not None:
            logger.error("%s ended: %s", version, state.error)
        elif state.state is ManagerState.AVAILABLE:
            logger.info("Successfully loaded servable version %s", version)
        elif state.state is ManagerState.END:
            logger.info("Unloaded servable version %s", version)
        with self._changed:
            self._states.setdefault(version.name, {})[version.version] = state
            self._changes += 1
            self._changed_at[version] = self._changes
            self._changed.notify_all()

    def versions(self, name: str) -> dict[int, ServableState]:
        """Return every version of a model, highest first; empty for an unknown model."""
        with self._changed:
            return dict(sorted(self._states.get(name, {}).items(), reverse=True))

    def is_available(self, version: ServableId) -> bool:
        with self._changed:
            known = self._states.get(version.name, {}).get(version.version)
        return known is not None and known.state is ManagerState.AVAILABLE

    def now(self) -> int:
        """Return the number of changes so far, for `wait_until_settled`."""
        with self._changed:
            return self._changes

    def wait_until_settled(
        self, names: Iterable[str], *, since: int, cancelled: Callable[[], bool]
    ) -> dict[ServableId, StatusError | None]:
        """Wait until each model has an available version, or all of its versions have ended.

        Args:
            names: the models; a model without any version is waited for without limit.
            since: ignore changes before `now()` returned this number, so that a model that
                was unloaded earlier does not count as failed.
            cancelled: called twice a second; True ends the wait.

        Returns:
            The versions of the models that have no available version, each with its error.
        """
        waiting = set(names)
        ended: dict[ServableId, StatusError | None] = {}
        with self._changed:
            while waiting and not cancelled():
                for name in list(waiting):
                    states = {
                        version: each
                        for version, each in self._states.get(name, {}).items()
                        if self._changed_at[ServableId(name, version)] > since
                    }
                    if any(each.state is ManagerState.AVAILABLE for each in states.values()):
                        waiting.discard(name)
                    elif states and all(each.state is ManagerState.END for each in states.values()):
                        waiting.discard(name)
                        for version, each in states.items():
                            ended[ServableId(name, version)] = each.error
                if waiting:
                    self._changed.wait(timeout=0.5)
        return ended
