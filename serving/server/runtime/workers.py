"""The threads that run models (`--rest_api_num_threads`).

TensorFlow releases the interpreter's lock while it runs, so a few threads use all cores. A
ThreadPoolExecutor would create a future for each job, which costs a tenth of a small request.
"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

logger = logging.getLogger(__name__)

Job = Callable[[], None]


class Workers:
    """Threads that run jobs from one queue."""

    def __init__(self, count: int) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._count = count
        for index in range(count):
            threading.Thread(target=self._work, name=f"rest-{index}", daemon=True).start()

    def submit(self, job: Job) -> None:
        """Queue `job` for one of the threads."""
        self._jobs.put(job)

    def stop(self) -> None:
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            try:
                job()
            except Exception:
                logger.exception("A request's job failed")
            del job  # holds the model, which may be unloaded while this thread waits
