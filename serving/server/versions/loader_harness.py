"""One version of a model under management (`core/loader_harness.h`)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from serving.server.versions.state_monitor import ServableId


class Servable(Protocol):
    """An object that a loader creates from a version's directory."""

    def close(self) -> None: ...


Loader = Callable[[ServableId, Path], Servable]


class HarnessState(Enum):
    """The state of a version under management, a subset of `LoaderHarness::State`."""

    NEW = auto()
    LOADING = auto()
    READY = auto()
    UNLOADING = auto()
    DISABLED = auto()
    ERROR = auto()


@dataclass
class LoaderHarness:
    """A version under management."""

    id: ServableId
    path: Path
    is_aspired: bool = True
    state: HarnessState = HarnessState.NEW
    servable: Servable | None = None
    users: int = 0  # the number of requests in progress
    retries_cancelled: bool = False
