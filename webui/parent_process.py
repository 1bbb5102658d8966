"""Processes that do not outlive the one that started them."""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent(by: signal.Signals = signal.SIGTERM) -> None:
    """Have this process receive a signal when its parent ends, even if the parent is killed.

    On Linux only; gunicorn's workers look for their parent every second anywhere.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, by)
