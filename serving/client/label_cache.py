"""Remembers which version a label names, without ever answering what is no longer true.

Asking the model server for every prediction would double its requests, and remembering for
seconds would answer with a version that the label has already left. So an answer is remembered
only while `models.config` (the file that moves labels) is the one it was given under, and only
once the server says what the file says: from the rename of a new file until the server has
followed it, every request asks anew. Where the site cannot see the file (a model server
elsewhere), an answer is remembered for its time to live, and may be that old.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from serving.models_config import ConfigError, model_config, read_text

LABEL_CACHE_SECONDS = 2.0  # a label moved by other hands than models.config's is noticed after this


@dataclass(frozen=True)
class _Known:
    """A version that a label named, and until when that may be believed."""

    version: int
    stamp: tuple[int, ...]  # of models.config when the server was asked; () without a file
    expires: float  # time.monotonic()


@dataclass
class _Flight:
    """One question to the server, shared by all who wait for its answer."""

    stamp: tuple[int, ...]
    done: threading.Event = field(default_factory=threading.Event)
    version: int = 0
    settled: bool = False  # the server follows the file: good for whoever waited, too
    error: Exception | None = None


class LabelCache:
    """Versions by label; for many threads of one process.

    Args:
        ask: asks the model server which version a label names; may raise.
        model_name: the model whose labels these are.
        config_file: `models.config`, where this process can see it.
        seconds: how long an answer is believed at most.
    """

    def __init__(
        self,
        ask: Callable[[str], int],
        *,
        model_name: str,
        config_file: Path | None,
        seconds: float = LABEL_CACHE_SECONDS,
    ) -> None:
        self._ask = ask
        self._model_name = model_name
        self._config_file = config_file
        self._seconds = seconds
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._flights: dict[str, _Flight] = {}
        self._file_labels: tuple[tuple[int, ...], dict[str, int]] = ((), {})

    def version_of(self, label: str) -> int:
        """The version that the label names, at the moment of the call or later.

        Raises:
            whatever `ask` raises.
        """
        joined_late = False
        while True:
            stamp = self._stamp()
            with self._lock:
                known = self._known.get(label)
                if known and known.stamp == stamp and time.monotonic() < known.expires:
                    return known.version
                flight = self._flights.get(label)
                leads = flight is None
                if flight is None:
                    flight = self._flights[label] = _Flight(stamp)
            if leads:
                return self._lead(label, flight)
            flight.done.wait()
            if flight.error:
                raise flight.error
            # The question may have been put before this call, and the label moved since:
            # then only an answer that the file confirms, or a question put later, is good.
            if joined_late or (flight.settled and flight.stamp == stamp):
                return flight.version
            joined_late = True

    def forget(self, label: str) -> None:
        """The next call asks the server: the version named is not there any more."""
        with self._lock:
            self._known.pop(label, None)

    def _lead(self, label: str, flight: _Flight) -> int:
        try:
            flight.version = self._ask(label)
            flight.settled = self._follows_file(label, flight)
        except Exception as problem:
            flight.error = problem
            raise
        finally:
            with self._lock:
                del self._flights[label]
                if flight.settled:
                    self._known[label] = _Known(
                        flight.version, flight.stamp, time.monotonic() + self._seconds
                    )
                else:
                    self._known.pop(label, None)
            flight.done.set()
        return flight.version

    def _stamp(self) -> tuple[int, ...]:
        """Differs whenever models.config has been replaced; one stat(), microseconds."""
        if self._config_file is None:
            return ()
        try:
            found = self._config_file.stat()
        except OSError:
            return ()
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def _follows_file(self, label: str, flight: _Flight) -> bool:
        """Whether the server's answer is what the file says, as it was when it was asked."""
        if not flight.stamp:
            return True
        stamp, labels = self._file_labels
        if stamp != flight.stamp and self._config_file is not None:
            try:
                labels = dict(model_config(read_text(self._config_file), self._model_name).labels)
            except ConfigError:
                labels = {}
            self._file_labels = (flight.stamp, labels)
        # A label that the file does not have is the server's own affair (started without it).
        said = labels.get(label, flight.version)
        return said == flight.version and self._stamp() == flight.stamp
