"""What became of every model version this process ever saw (`ServableStateMonitor`).

The status documents read it, labels are checked against it, and starting waits on it.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from serving.server.status import StatusError

logger = logging.getLogger(__name__)


class State(Enum):
    """`ModelVersionStatus.State`; a version passes through them in this order."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True, order=True)
class ServableId:
    name: str
    version: int

    def __str__(self) -> str:
        return f"{{name: {self.name} version: {self.version}}}"


@dataclass(frozen=True)
class ServableState:
    state: State
    error: StatusError | None = None  # why it ended; None when all was well


class ServableStateMonitor:
    """The latest state of each version. Thread-safe."""

    def __init__(self) -> None:
        self._states: dict[str, dict[int, ServableState]] = {}
        self._changes = 0
        self._changed_at: dict[ServableId, int] = {}
        self._changed = threading.Condition()

    def publish(self, version: ServableId, state: ServableState) -> None:
        if state.error is not None:
            logger.error("%s ended: %s", version, state.error)
        elif state.state is State.AVAILABLE:
            logger.info("Successfully loaded servable version %s", version)
        elif state.state is State.END:
            logger.info("Unloaded servable version %s", version)
        with self._changed:
            self._states.setdefault(version.name, {})[version.version] = state
            self._changes += 1
            self._changed_at[version] = self._changes
            self._changed.notify_all()

    def versions(self, name: str) -> dict[int, ServableState]:
        """Every version of a model ever seen, highest first; empty for an unknown model."""
        with self._changed:
            return dict(sorted(self._states.get(name, {}).items(), reverse=True))

    def is_available(self, version: ServableId) -> bool:
        with self._changed:
            known = self._states.get(version.name, {}).get(version.version)
        return known is not None and known.state is State.AVAILABLE

    def now(self) -> int:
        """The count of changes so far, for `wait_until_settled`."""
        with self._changed:
            return self._changes

    def wait_until_settled(
        self, names: Iterable[str], *, since: int, given_up: Callable[[], bool]
    ) -> dict[ServableId, StatusError | None]:
        """Waits until each model has an available version, or all it has have ended.

        Args:
            names: models; one of which nothing was ever seen is waited for, without end.
            since: only what changed after `now()` returned this counts; a model that was
                unloaded long ago is not taken for one that failed.
            given_up: asked twice a second; True ends the wait early.

        Returns:
            The versions of models that came to nothing, with the error of each.
        """
        waiting = set(names)
        ended: dict[ServableId, StatusError | None] = {}
        with self._changed:
            while waiting and not given_up():
                for name in list(waiting):
                    states = {
                        version: each
                        for version, each in self._states.get(name, {}).items()
                        if self._changed_at[ServableId(name, version)] > since
                    }
                    if any(each.state is State.AVAILABLE for each in states.values()):
                        waiting.discard(name)
                    elif states and all(each.state is State.END for each in states.values()):
                        waiting.discard(name)
                        for version, each in states.items():
                            ended[ServableId(name, version)] = each.error
                if waiting:
                    self._changed.wait(timeout=0.5)
        return ended
