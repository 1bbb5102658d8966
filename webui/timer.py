"""A thread that does a job again and again while the site serves."""

import random
import threading
from abc import ABC, abstractmethod

import structlog
from django.db import close_old_connections, connection

logger = structlog.get_logger(__name__)

STOP_SECONDS = 10.0  # for which `stop` waits; the thread is a daemon and holds no shutdown up


class Timer(ABC):
    """Calls `job` in a thread of its own; `start` it once in each process that serves.

    Args:
        name: of the thread.
        failure: what is logged if the job raises an error.
        seconds: from the end of one call to the next.
        start_seconds: at most, before the first call; processes that start together spread.
    """

    def __init__(self, *, name: str, failure: str, seconds: float, start_seconds: float) -> None:
        self._failure = failure
        self._seconds = seconds
        self._start_seconds = start_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def job(self) -> None:
        """Do what is to be done; an error is logged, and the next call comes all the same."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=STOP_SECONDS)

    def _run(self) -> None:
        pause = random.uniform(0, self._start_seconds)  # noqa: S311 - not a secret
        while not self._stop.wait(pause):
            pause = self._seconds
            close_old_connections()
            try:
                self.job()
            except Exception:  # the database may be down; the thread must not end
                logger.exception(self._failure)
            finally:
                connection.close()
