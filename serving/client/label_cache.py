"""Caches which version a label names, and never returns an answer that is out of date.

Asking the model server before every prediction would double its requests; caching for seconds
would return a version from which the label has already moved. So an answer is cached only while
`models.config` (the file that moves labels) is the one under which it was given, and only once
the server agrees with that file: from the rename of a new file until the server has followed it,
every call asks anew. Where the site cannot read the file (a model server on another machine), an
answer is cached for a fixed time and may be that much out of date.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from serving.models_config import ConfigError, model_config, read_text

# The longest time until a label that was moved by other means than models.config is noticed.
LABEL_CACHE_SECONDS = 2.0


@dataclass(frozen=True)
class _Entry:
    """A cached version, and the conditions under which it is valid."""

    version: int
    stamp: tuple[int, ...]  # of models.config when the server was asked; () without a file
    expires: float  # time.monotonic()


@dataclass
class _Request:
    """One request to the server, shared by all threads that wait for its answer."""

    stamp: tuple[int, ...]
    done: threading.Event = field(default_factory=threading.Event)
    version: int = 0
    confirmed: bool = False  # the server agrees with the file, so waiting threads may use it
    error: Exception | None = None


class LabelCache:
    """Versions by label; for many threads of one process.

    Args:
        ask: asks the model server which version a label names; may raise.
        model_name: the model whose labels these are.
        config_file: `models.config`, if this process can read it.
        seconds: the longest time for which an answer is cached.
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
        self._entries: dict[str, _Entry] = {}
        self._requests: dict[str, _Request] = {}
        self._file_labels: tuple[tuple[int, ...], dict[str, int]] = ((), {})

    def version_of(self, label: str) -> int:
        """Returns the version that the label names at the moment of the call or later.

        Raises:
            Exception: whatever `ask` raises.
        """
        waited = False
        while True:
            stamp = self._stamp()
            with self._lock:
                entry = self._entries.get(label)
                if entry and entry.stamp == stamp and time.monotonic() < entry.expires:
                    return entry.version
                request = self._requests.get(label)
                is_new = request is None
                if request is None:
                    request = self._requests[label] = _Request(stamp)
            if is_new:
                return self._send(label, request)
            request.done.wait()
            if request.error:
                raise request.error
            # The request may have been sent before this call, and the label moved since: its
            # answer is valid only if the file confirms it, or if it was sent after the call.
            if waited or (request.confirmed and request.stamp == stamp):
                return request.version
            waited = True

    def is_current(self, label: str, version: int) -> bool:
        """Returns whether the file, if there is one, lets the label name this version."""
        stamp = self._stamp()
        return not stamp or self._labels_in_file(stamp).get(label, version) == version

    def forget(self, label: str) -> None:
        """Removes a label whose version has been unloaded; the next call asks the server."""
        with self._lock:
            self._entries.pop(label, None)

    def _send(self, label: str, request: _Request) -> int:
        try:
            request.version = self._ask(label)
            request.confirmed = self._is_confirmed(label, request)
        except Exception as error:
            request.error = error
            raise
        finally:
            with self._lock:
                del self._requests[label]
                if request.confirmed:
                    self._entries[label] = _Entry(
                        request.version, request.stamp, time.monotonic() + self._seconds
                    )
                else:
                    self._entries.pop(label, None)
            request.done.set()
        return request.version

    def _stamp(self) -> tuple[int, ...]:
        """Identifies the present models.config; one stat() call, microseconds."""
        if self._config_file is None:
            return ()
        try:
            found = self._config_file.stat()
        except OSError:
            return ()
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def _is_confirmed(self, label: str, request: _Request) -> bool:
        """True if the server's answer agrees with the file as it was when the server was asked."""
        if not request.stamp:
            return True
        # A label that is not in the file is valid too: stable on a server without labels.
        named = self._labels_in_file(request.stamp).get(label, request.version)
        return named == request.version and self._stamp() == request.stamp

    def _labels_in_file(self, wanted: tuple[int, ...]) -> dict[str, int]:
        """Returns the labels of models.config, read anew when it has changed."""
        stamp, labels = self._file_labels
        if stamp != wanted and self._config_file is not None:
            try:
                labels = dict(model_config(read_text(self._config_file), self._model_name).labels)
            except ConfigError:
                labels = {}
            self._file_labels = (wanted, labels)
        return labels
