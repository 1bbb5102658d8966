"""The memory that a process gives to decoding: large pictures wait for one another."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class DecodingBusy(Exception):
    """Other large pictures are being decoded; a later attempt may succeed."""


class Budget:
    """An amount of memory that threads share.

    Few threads wait, and not for long: a server's threads that wait for large pictures answer
    nobody else.

    Args:
        free: bytes that need no permission: so many are always there.
    """

    def __init__(self, *, total: int, free: int, most_waiting: int, seconds: float) -> None:
        self.total = total
        self.free = free
        self.most_waiting = most_waiting
        self.seconds = seconds
        self._left = total
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, amount: int) -> Iterator[None]:
        """Takes an amount of at most `total` for as long as the block runs.

        Raises:
            DecodingBusy: too many threads wait, or this one has waited for too long.
        """
        if amount <= self.free:
            yield
            return
        self._take(amount)
        try:
            yield
        finally:
            with self._changed:
                self._left += amount
                self._changed.notify_all()

    def _take(self, amount: int) -> None:
        deadline = time.monotonic() + self.seconds
        with self._changed:
            if self._left < amount:
                if self._waiting >= self.most_waiting:
                    raise DecodingBusy
                self._waiting += 1
                try:
                    if not self._changed.wait_for(
                        lambda: self._left >= amount, deadline - time.monotonic()
                    ):
                        raise DecodingBusy
                finally:
                    self._waiting -= 1
            self._left -= amount
