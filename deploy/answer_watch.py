"""Notices a model server that is running but does not answer any more."""

import time
from collections.abc import Callable

import requests

PROBE_SECONDS = 5.0  # between probes
PROBE_TIMEOUT_SECONDS = 2.0  # an answer takes milliseconds, 0.5 s while versions are loaded
FROZEN_SECONDS = 20.0  # without an answer; several probes in a row, on a slow machine too


class AnswerWatch:
    """Probes a server at intervals, and reports when it has been silent for too long.

    Args:
        url: any path of the server; every answer counts, an error too.
        start_seconds: the longest time from a start to the first answer.
        clock: seconds that never go back.
    """

    def __init__(
        self, url: str, *, start_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._start_seconds = start_seconds
        self._clock = clock
        self.restarted()

    def restarted(self) -> None:
        """Begins anew: the server has been started and answers nothing yet."""
        self._has_answered = False
        self._last_answer = self._clock()
        self._next_probe = self._clock()

    def is_frozen(self) -> bool:
        """Probes the server if it is time to; returns whether it should be started again."""
        if self._clock() >= self._next_probe:
            if self._answers():
                self._has_answered = True
                self._last_answer = self._clock()
            self._next_probe = self._clock() + PROBE_SECONDS
        allowed = FROZEN_SECONDS if self._has_answered else self._start_seconds
        return self._clock() - self._last_answer > allowed

    def _answers(self) -> bool:
        try:
            requests.get(self._url, timeout=PROBE_TIMEOUT_SECONDS)
        except requests.RequestException:
            return False
        return True
