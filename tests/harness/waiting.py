"""Waiting for a condition, with a limit."""

import time
from collections.abc import Callable


class TimedOut(AssertionError):
    """A condition did not come true in time."""


def wait_until(
    condition: Callable[[], object],
    *,
    seconds: float = 150.0,  # only something that is broken takes as long
    message: str = "",
    details: Callable[[], str] | None = None,
    interval: float = 0.05,
) -> float:
    """Polls `condition` until it is true, and returns the seconds that it took.

    Args:
        message: what is waited for, named in the error.
        details: called when the time is over; what it returns is added to the error.

    Raises:
        TimedOut: after `seconds`.
    """
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            seen = details() if details else ""
            raise TimedOut(f"not after {seconds:.0f} s: {message} {seen}".rstrip())
        time.sleep(interval)
    return time.monotonic() - start
