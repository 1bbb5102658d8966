"""Group commit: what several threads write at once becomes one transaction.

SQLite lets one writer in at a time and syncs the disk for each. The others ask again after pauses
of up to 100 ms, so that some of many wait for seconds. Here the threads of a process wait in one
queue instead: whoever may write takes along all that waits, and an answer comes after its sync.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

Write = Callable[[], object]


@dataclass(eq=False)
class _Waiting:
    write: Write
    done: bool = False
    problem: Exception | None = None


class GroupCommit:
    """A queue of writes to the default database; safe for threads."""

    def __init__(self) -> None:
        self._queue: deque[_Waiting] = deque()
        self._writing = threading.Lock()

    def run(self, write: Write) -> None:
        """Run a function that writes, perhaps in another thread; return when it is committed.

        If the transaction fails, the function may be run a second time.

        Raises:
            Exception: what the function raised, or the database when it committed.
        """
        waiting = _Waiting(write)
        self._queue.append(waiting)
        with self._writing:
            if not waiting.done:  # else the thread before this one has written it
                self._run_together([self._queue.popleft() for _ in range(len(self._queue))])
        if waiting.problem is not None:
            raise waiting.problem

    def _run_together(self, group: Sequence[_Waiting]) -> None:
        try:
            with transaction.atomic():
                for waiting in group:
                    waiting.write()
        except Exception as problem:
            # A database that is locked or full refuses them all. Where it refuses one of them,
            # the others are written by themselves.
            if len(group) > 1 and not isinstance(problem, OperationalError):
                for waiting in group:
                    self._run_together([waiting])
            else:
                for waiting in group:
                    waiting.problem = problem
        for waiting in group:
            waiting.done = True


_of_this_process = GroupCommit()


def commit(write: Write) -> None:
    """Run a function that writes to the default database, and return when it is committed.

    On SQLite it shares a transaction with what other threads write. PostgreSQL groups commits
    itself; and in a transaction that may be rolled back nobody else's writes belong.

    Raises:
        Exception: what the function or the database raised.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        _of_this_process.run(write)
    else:
        write()
