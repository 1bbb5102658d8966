"""CPU time and peak memory of reading one picture, in a process of its own."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.harness import ROOT

SECONDS = 60  # a picture that takes longer is given up


class Cost(NamedTuple):
    """The cost of a picture."""

    outcome: str  # "read", or the name of the error
    seconds: float  # of CPU time
    megabytes: float  # at the peak, above what the process had before


def cost_of(picture: bytes) -> Cost:
    """Reads a picture in another process, which has just read a drawing.

    Raises:
        subprocess.TimeoutExpired: after SECONDS.
    """
    finished = subprocess.run(
        [sys.executable, "-m", "tests.attacks.cost"],
        input=picture, capture_output=True, timeout=SECONDS, check=True, cwd=ROOT,
    )  # fmt: skip
    return Cost(*json.loads(finished.stdout))


def _peak_bytes() -> int:
    """Returns the largest resident size of this process since the last reset."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _measure(picture: bytes) -> Cost:
    from serving.preprocessing import PictureError, decode_picture, to_instance
    from tests.harness.drawings import SEVEN

    to_instance(decode_picture(SEVEN))
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM, proc(5)
    rest, started = _peak_bytes(), time.process_time()
    outcome = "read"
    try:
        to_instance(decode_picture(picture))
    except PictureError as error:
        outcome = type(error).__name__
    return Cost(outcome, time.process_time() - started, (_peak_bytes() - rest) / 1e6)


if __name__ == "__main__":
    print(json.dumps(_measure(sys.stdin.buffer.read())))
