"""Remembers that Cassandra is down, so that not every visitor waits to find out."""

import threading


class Breaker:
    """Open while Cassandra is known to be down; one thread tries, the others need not."""

    def __init__(self) -> None:
        self._open = threading.Event()

    @property
    def open(self) -> bool:
        return self._open.is_set()

    def trip(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()
