"""CPU time, which unlike wall time depends little on what else the machine does."""

import resource
import time


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of the child processes it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
