"""Which versions are loaded, and the order in which they come and go.

The file system says which versions are *aspired*; this manager gets there one action at a
time, as TensorFlow Serving's `AspiredVersionsManager` does with its availability preserving
policy: a new version is loaded before an old one is unloaded, requests that run on a version
finish before it goes, and a version that failed is not tried again.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from serving.server.status import Code, StatusError, from_exception, not_found
from serving.server.versions.state_monitor import (
    ServableId,
    ServableState,
    ServableStateMonitor,
    State,
)

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1  # server.cc: manage_state_interval_micros


class Servable(Protocol):
    """What a loader makes of a version's directory."""

    def close(self) -> None: ...


Loader = Callable[[ServableId, Path], Servable]


class HarnessState(Enum):
    """Of one managed version (`LoaderHarness::State`, in as much as it matters here)."""

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
    users: int = 0  # requests that hold it now
    retries_cancelled: bool = False


@dataclass(frozen=True)
class ManagerOptions:
    """The flags of the same names; their defaults are main.cc's."""

    num_load_threads: int = 0  # 0: the manager's own thread loads, and nothing else happens then
    num_unload_threads: int = 0
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000


@dataclass
class _Table:
    managed: dict[str, dict[int, LoaderHarness]] = field(default_factory=dict)
    serving: dict[str, dict[int, LoaderHarness]] = field(default_factory=dict)
    pending: dict[str, Mapping[int, Path]] = field(default_factory=dict)


class AspiredVersionsManager:
    """Loads and unloads until what is loaded is what is aspired. Thread-safe."""

    def __init__(
        self, *, loader: Loader, monitor: ServableStateMonitor, options: ManagerOptions
    ) -> None:
        self._loader = loader
        self._monitor = monitor
        self._options = options
        self._table = _Table()
        self._lock = threading.Condition()
        self._stopping = threading.Event()
        self._starting = True  # until the first models are in: no waiting between actions
        self._initial_loads = ThreadPoolExecutor(4, thread_name_prefix="initial-load")
        self._loads = _pool(options.num_load_threads, "load")
        self._unloads = _pool(options.num_unload_threads, "unload")
        self._thread = threading.Thread(target=self._run, name="versions-manager", daemon=True)
        self._thread.start()

    # What requests ask.

    def acquire(self, name: str, version: int | None) -> LoaderHarness:
        """Return a loaded version (None: the highest); the caller must `release` it, in any thread.

        Raises:
            StatusError: NOT_FOUND with the text of TensorFlow Serving's `GetUntypedServableHandle`.
        """
        with self._lock:
            versions = self._table.serving.get(name, {})
            chosen = max(versions, default=None) if version is None else version
            managed = versions.get(chosen) if chosen is not None else None
            if managed is None:
                wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise not_found(f"Servable not found for request: {wanted}")
            managed.users += 1
            return managed

    def release(self, managed: LoaderHarness) -> None:
        with self._lock:
            managed.users -= 1
            if not managed.users and managed.state is not HarnessState.READY:
                self._lock.notify_all()

    # What the file system source says.

    def set_aspired(self, name: str, versions: Mapping[int, Path]) -> None:
        """These versions, and no others, should be loaded. The last call counts."""
        with self._lock:
            self._table.pending[name] = dict(versions)

    def finish_starting(self) -> None:
        """From now on at the pace and with the threads that the flags say."""
        self._starting = False

    def stop(self) -> None:
        """Ends the manager's thread; loaded versions stay until the process ends."""
        self._stopping.set()
        with self._lock:
            self._lock.notify_all()
        for pool in (self._initial_loads, self._loads, self._unloads):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    # The manager's thread.

    def _run(self) -> None:
        while not self._stopping.is_set():
            acted = False
            try:
                self._flush()
                self._take_requests()
                acted = self._act()
            except Exception:
                if not self._stopping.is_set():  # the pools take no more work then
                    logger.exception("the versions manager goes on after a failure")
            if not (acted and self._starting):
                self._stopping.wait(0.01 if self._starting else TICK_SECONDS)

    def _flush(self) -> None:
        """Forgets versions that are neither aspired nor loaded; they could start afresh."""
        with self._lock:
            for versions in self._table.managed.values():
                for version, managed in list(versions.items()):
                    idle = managed.state in (
                        HarnessState.NEW,
                        HarnessState.DISABLED,
                        HarnessState.ERROR,
                    )
                    if idle and not managed.is_aspired:
                        if managed.state is HarnessState.NEW:
                            self._publish(managed, State.END)
                        del versions[version]

    def _take_requests(self) -> None:
        with self._lock:
            for name, aspired in list(self._table.pending.items()):
                managed = self._table.managed.setdefault(name, {})
                # `ContainsAnyReaspiredVersions`: wait until a version on its way out is gone.
                if any(
                    not each.is_aspired and each.id.version in aspired for each in managed.values()
                ):
                    continue
                del self._table.pending[name]
                for each in managed.values():
                    if each.is_aspired and each.id.version not in aspired:
                        each.is_aspired = False
                        each.retries_cancelled = True
                for version, path in aspired.items():
                    if version not in managed:
                        managed[version] = LoaderHarness(ServableId(name, version), path)
                        self._publish(managed[version], State.START)

    def _act(self) -> bool:
        """One action: an unload before a load, the lower number first among equals."""
        with self._lock:
            unloads: list[LoaderHarness] = []
            loads: list[LoaderHarness] = []
            for versions in self._table.managed.values():
                action = _next_action(list(versions.values()))
                if action is not None:
                    (loads if action.is_aspired else unloads).append(action)
            if not unloads and not loads:
                return False
            chosen = min(unloads or loads, key=lambda each: each.id)
            chosen.state = HarnessState.LOADING if chosen.is_aspired else HarnessState.UNLOADING
        if chosen.state is HarnessState.LOADING:
            pool = self._initial_loads if self._starting else self._loads
            self._perform(pool, lambda: self._load(chosen))
        else:
            self._perform(self._unloads, lambda: self._unload(chosen))
        return True

    def _perform(self, pool: ThreadPoolExecutor | None, action: Callable[[], None]) -> None:
        if pool is None:
            action()
        else:
            pool.submit(action)

    def _load(self, managed: LoaderHarness) -> None:
        self._publish(managed, State.LOADING)
        try:
            servable = self._load_with_retries(managed)
        except StatusError as error:
            with self._lock:
                managed.state = HarnessState.ERROR
            self._monitor.publish(managed.id, ServableState(State.END, error))
            return
        with self._lock:
            managed.servable = servable
            managed.state = HarnessState.READY
            self._table.serving.setdefault(managed.id.name, {})[managed.id.version] = managed
        self._publish(managed, State.AVAILABLE)

    def _load_with_retries(self, managed: LoaderHarness) -> Servable:
        if not managed.path.is_dir() and managed.path.exists():
            # EstimateResourceFromPath lists the directory before anything is tried.
            raise StatusError(
                Code.FAILED_PRECONDITION,
                f"Error while attempting to reserve resources to load servable {managed.id}: "
                f"{managed.path}; Not a directory",
            )
        tries = 0
        while True:
            started = time.monotonic()
            try:
                servable = self._loader(managed.id, managed.path)
            except Exception as failure:
                error = from_exception(failure)
            else:
                logger.info("%s loaded in %.2f s", managed.id, time.monotonic() - started)
                return servable
            tries += 1
            last = tries > self._options.max_num_load_retries
            if last or managed.retries_cancelled or self._stopping.is_set():
                raise error
            logger.error("Loading servable: %s failed: %s; will try again", managed.id, error)
            self._stopping.wait(self._options.load_retry_interval_micros / 1e6)
            if managed.retries_cancelled or self._stopping.is_set():
                raise error

    def _unload(self, managed: LoaderHarness) -> None:
        self._publish(managed, State.UNLOADING)
        with self._lock:
            serving = self._table.serving.get(managed.id.name, {})
            serving.pop(managed.id.version, None)
            while managed.users and not self._stopping.is_set():
                self._lock.wait(timeout=1)
            servable, managed.servable = managed.servable, None
        if servable is not None and not self._stopping.is_set():
            servable.close()
        with self._lock:
            managed.state = HarnessState.DISABLED
        self._publish(managed, State.END)

    def _publish(self, managed: LoaderHarness, state: State) -> None:
        self._monitor.publish(managed.id, ServableState(state))


def _pool(threads: int, name: str) -> ThreadPoolExecutor | None:
    return ThreadPoolExecutor(threads, thread_name_prefix=name) if threads > 0 else None


def _next_action(versions: list[LoaderHarness]) -> LoaderHarness | None:
    """`AvailabilityPreservingPolicy`: what to load (it is aspired) or unload (it is not) next."""
    aspired = [each for each in versions if each.is_aspired]
    leaving = [
        each for each in versions if not each.is_aspired and each.state is HarnessState.READY
    ]
    if leaving and (not aspired or any(each.state is HarnessState.READY for each in aspired)):
        return min(leaving, key=lambda each: each.id)
    new = [each for each in aspired if each.state is HarnessState.NEW]
    return max(new, key=lambda each: each.id) if new else None
