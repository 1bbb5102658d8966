"""Memory and CPU time of a process with all its children, from /proc."""

import itertools
import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def processes(pid: int) -> list[int]:
    """Return a process and all below it; none if it has ended."""
    try:
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:
        return []
    return [pid, *itertools.chain.from_iterable(processes(child) for child in children)]


def memory(pid: int) -> int:
    """Return the bytes that a process has for itself, and its share of what several have."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(rollup.split("\nPss:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        return 0


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and those below it that are running."""
    return sum(map(_cpu_seconds, processes(pid)))


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS  # utime and stime of proc(5)
