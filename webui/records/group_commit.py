"""Group commit: the records that several threads append at once become one transaction.

SQLite lets one writer in at a time and syncs the disk for each. The others ask again after pauses
of up to 100 ms, so that some of many wait for seconds. Here the threads of a process wait in one
queue instead: whoever may write takes along all that waits, and an answer comes after its sync.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import OperationalError

from webui.records.models import Record


@dataclass(eq=False)
class _Waiting:
    record: Record
    done: bool = False
    problem: Exception | None = None


class GroupCommit:
    """Passes the records that threads append to a function, together; safe for threads.

    Args:
        write: writes all of some records in one transaction, or raises and writes none.
    """

    def __init__(self, write: Callable[[Sequence[Record]], None]) -> None:
        self._write = write
        self._queue: deque[_Waiting] = deque()
        self._writing = threading.Lock()

    def append(self, record: Record) -> None:
        """Return when the record is written.

        Raises:
            Exception: what `write` raised.
        """
        waiting = _Waiting(record)
        self._queue.append(waiting)
        with self._writing:
            if not waiting.done:  # else the thread before this one has written it
                self._write_together([self._queue.popleft() for _ in range(len(self._queue))])
        if waiting.problem is not None:
            raise waiting.problem

    def _write_together(self, group: Sequence[_Waiting]) -> None:
        try:
            self._write([waiting.record for waiting in group])
        except Exception as problem:
            # A database that is locked or full refuses them all; a record that it refuses must
            # not be to the harm of the others.
            if len(group) > 1 and not isinstance(problem, OperationalError):
                for waiting in group:
                    self._write_together([waiting])
            else:
                for waiting in group:
                    waiting.problem = problem
        for waiting in group:
            waiting.done = True
