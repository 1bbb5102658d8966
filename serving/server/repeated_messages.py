"""Keeps messages that every poll would repeat from filling the log."""

import logging
import time
from collections.abc import Callable

REPEAT_SECONDS = 600.0


class RepeatFilter(logging.Filter):
    """Drops a message that was logged less than ten minutes ago.

    While a configuration is refused, or a version is missing, each poll says so again. Without
    this filter the log grows by some 20 MB a day.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._logged: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now, message = self._clock(), record.getMessage()
        self._logged = {each: at for each, at in self._logged.items() if now - at < REPEAT_SECONDS}
        if message in self._logged:
            return False
        self._logged[message] = now
        return True


def log_polls_once() -> None:
    """Filters the messages of the two modules that poll."""
    for name in ("serving.server.model_server", "serving.server.versions.source"):
        logging.getLogger(name).addFilter(RepeatFilter())
