"""Loads and unloads versions until the loaded versions are the aspired ones.

Follows TensorFlow Serving's `AspiredVersionsManager`: the source states which versions are
*aspired*, the policy chooses one action at a time, requests in progress finish before their
version is unloaded, and a version whose load failed is not loaded again.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from serving.server.status import Code, StatusError, from_exception, not_found
from serving.server.versions.loader_harness import HarnessState, Loader, LoaderHarness, Servable
from serving.server.versions.policy import next_action
from serving.server.versions.state_monitor import (
    ManagerState,
    ServableId,
    ServableState,
    ServableStateMonitor,
)

logger = logging.getLogger(__name__)

MANAGE_STATE_INTERVAL_SECONDS = 0.1  # server.cc: manage_state_interval_micros
IDLE = (HarnessState.NEW, HarnessState.DISABLED, HarnessState.ERROR)


@dataclass(frozen=True)
class ManagerOptions:
    """The flags of the same names, with main.cc's defaults."""

    num_load_threads: int = 0  # 0: loads block the manager's own thread
    num_unload_threads: int = 0
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000


class AspiredVersionsManager:
    """The loaded versions of all models, and the thread that manages them. Thread-safe."""

    def __init__(
        self, *, loader: Loader, monitor: ServableStateMonitor, options: ManagerOptions
    ) -> None:
        self._loader = loader
        self._monitor = monitor
        self._options = options
        self._managed: dict[str, dict[int, LoaderHarness]] = {}
        self._serving: dict[str, dict[int, LoaderHarness]] = {}
        self._pending: dict[str, Mapping[int, Path]] = {}
        self._lock = threading.Condition()
        self._stopping = threading.Event()
        self._starting = True  # until the first models are loaded: no pause between actions
        self._initial_loads = ThreadPoolExecutor(4, thread_name_prefix="initial-load")
        self._loads = _pool(options.num_load_threads, "load")
        self._unloads = _pool(options.num_unload_threads, "unload")
        self._thread = threading.Thread(target=self._run, name="versions-manager", daemon=True)
        self._thread.start()

    def acquire(self, name: str, version: int | None) -> LoaderHarness:
        """Return a loaded version (None: the highest); the caller must `release` it.

        Raises:
            StatusError: NOT_FOUND with the text of TensorFlow Serving's `GetUntypedServableHandle`.
        """
        with self._lock:
            versions = self._serving.get(name, {})
            chosen = max(versions, default=None) if version is None else version
            harness = versions.get(chosen) if chosen is not None else None
            if harness is None:
                wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise not_found(f"Servable not found for request: {wanted}")
            harness.users += 1
            return harness

    def release(self, harness: LoaderHarness) -> None:
        """End the use of a version, from any thread."""
        with self._lock:
            harness.users -= 1
            if not harness.users and harness.state is not HarnessState.READY:
                self._lock.notify_all()

    def set_aspired(self, name: str, versions: Mapping[int, Path]) -> None:
        """Set the versions of a model that should be loaded; all others are unloaded."""
        with self._lock:
            self._pending[name] = dict(versions)

    def finish_starting(self) -> None:
        """Load and unload with the threads of the flags, after the initial loads."""
        self._starting = False

    def stop(self) -> None:
        """End the manager's thread; loaded versions stay until the process ends."""
        self._stopping.set()
        with self._lock:
            self._lock.notify_all()
        for pool in (self._initial_loads, self._loads, self._unloads):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            acted = False
            try:
                self._flush()
                self._apply_aspired()
                acted = self._act()
            except Exception:
                if not self._stopping.is_set():  # stopped pools refuse work
                    logger.exception("The versions manager continues after an error")
            if not (acted and self._starting):
                self._stopping.wait(0.01 if self._starting else MANAGE_STATE_INTERVAL_SECONDS)

    def _flush(self) -> None:
        """Remove versions that are neither aspired nor loaded; they may be aspired again later."""
        with self._lock:
            for versions in self._managed.values():
                for version, harness in list(versions.items()):
                    if not harness.is_aspired and harness.state in IDLE:
                        if harness.state is HarnessState.NEW:
                            self._publish(harness, ManagerState.END)
                        del versions[version]

    def _apply_aspired(self) -> None:
        with self._lock:
            for name, aspired in list(self._pending.items()):
                harnesses = self._managed.setdefault(name, {})
                # `ContainsAnyReaspiredVersions`: wait until a version being unloaded is removed.
                leaving = [each for each in harnesses.values() if not each.is_aspired]
                if any(each.id.version in aspired for each in leaving):
                    continue
                del self._pending[name]
                for each in harnesses.values():
                    if each.is_aspired and each.id.version not in aspired:
                        each.is_aspired = False
                        each.retries_cancelled = True
                for version, path in aspired.items():
                    if version not in harnesses:
                        harnesses[version] = LoaderHarness(ServableId(name, version), path)
                        self._publish(harnesses[version], ManagerState.START)

    def _act(self) -> bool:
        """Perform one action: an unload before a load, then the lowest name and version."""
        with self._lock:
            unloads: list[LoaderHarness] = []
            loads: list[LoaderHarness] = []
            for versions in self._managed.values():
                action = next_action(list(versions.values()))
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

    def _load(self, harness: LoaderHarness) -> None:
        self._publish(harness, ManagerState.LOADING)
        try:
            servable = self._load_with_retries(harness)
        except StatusError as error:
            with self._lock:
                harness.state = HarnessState.ERROR
            self._monitor.publish(harness.id, ServableState(ManagerState.END, error))
            return
        with self._lock:
            harness.servable = servable
            harness.state = HarnessState.READY
            self._serving.setdefault(harness.id.name, {})[harness.id.version] = harness
        self._publish(harness, ManagerState.AVAILABLE)

    def _load_with_retries(self, harness: LoaderHarness) -> Servable:
        if not harness.path.is_dir() and harness.path.exists():
            # TensorFlow Serving lists the directory first (`EstimateResourceFromPath`).
            raise StatusError(
                Code.FAILED_PRECONDITION,
                f"Error while attempting to reserve resources to load servable {harness.id}: "
                f"{harness.path}; Not a directory",
            )
        tries = 0
        while True:
            started = time.monotonic()
            try:
                servable = self._loader(harness.id, harness.path)
            except Exception as failure:
                error = from_exception(failure)
            else:
                logger.info("%s loaded in %.2f s", harness.id, time.monotonic() - started)
                return servable
            tries += 1
            last = tries > self._options.max_num_load_retries
            if last or harness.retries_cancelled or self._stopping.is_set():
                raise error
            logger.error("Loading servable: %s failed: %s; will try again", harness.id, error)
            self._stopping.wait(self._options.load_retry_interval_micros / 1e6)
            if harness.retries_cancelled or self._stopping.is_set():
                raise error

    def _unload(self, harness: LoaderHarness) -> None:
        self._publish(harness, ManagerState.UNLOADING)
        with self._lock:
            serving = self._serving.get(harness.id.name, {})
            serving.pop(harness.id.version, None)
            while harness.users and not self._stopping.is_set():
                self._lock.wait(timeout=1)
            servable, harness.servable = harness.servable, None
        if servable is not None and not self._stopping.is_set():
            servable.close()
        with self._lock:
            harness.state = HarnessState.DISABLED
        self._publish(harness, ManagerState.END)

    def _publish(self, harness: LoaderHarness, state: ManagerState) -> None:
        self._monitor.publish(harness.id, ServableState(state))


def _pool(threads: int, name: str) -> ThreadPoolExecutor | None:
    return ThreadPoolExecutor(threads, thread_name_prefix=name) if threads > 0 else None
