"""A circuit breaker, so that not every request waits to find out that Cassandra is down."""

import threading


class CircuitBreaker:
    """Open while Cassandra is known to be down: only the spool worker still asks it."""

    def __init__(self) -> None:
        self._open = threading.Event()

    @property
    def open(self) -> bool:
        return self._open.is_set()

    def trip(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()
