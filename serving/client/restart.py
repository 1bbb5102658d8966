"""Waiting for a model server that restarts."""

import time
from collections.abc import Callable
from typing import TypeVar

from serving.client.errors import ConnectionFailed, ServingError

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 0.4  # between attempts to connect

T = TypeVar("T")


class RestartPatience:
    """Asks again while connections are refused, until a time after the first that was.

    A longer outage is not waited for: each further call tries once, so that no thread of the
    site is held up.

    Args:
        seconds: that time; 0 never waits.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._failing_since: float | None = None  # the first failed connection of an outage

    def ask(self, ask: Callable[[], T]) -> T:
        """Returns what `ask` returns, or raises what it raises at last."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                answer = ask()
            except ConnectionFailed:
                now = time.monotonic()
                since = self._failing_since = self._failing_since or now
                if now + pause > since + self._seconds:
                    raise
            except ServingError:
                self._failing_since = None
                raise
            else:
                self._failing_since = None
                return answer
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
