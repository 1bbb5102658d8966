"""CPU time and memory of hostile pictures: the table of docs/limits.md.

    python benchmarks/hostile_pictures.py [part of a name]

Each picture is made in one process and preprocessed in another, which has just read a drawing.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SECONDS = 60  # a picture that takes longer is given up


def peak_kb() -> int:
    """Returns the largest resident size of this process since the last reset."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def measure() -> str:
    """Preprocesses the picture of standard input; returns one row of the table."""
    from serving.preprocessing import PictureError, decode_picture, to_instance
    from tests.harness.drawings import SEVEN

    data = sys.stdin.buffer.read()
    to_instance(decode_picture(SEVEN))
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM, proc(5)
    rest, started = peak_kb(), time.process_time()
    outcome = "read"
    try:
        to_instance(decode_picture(data))
    except PictureError as error:
        outcome = type(error).__name__
    seconds = time.process_time() - started
    return f"{len(data) / 1000:,.0f} | {outcome} | {seconds:.2f} | {(peak_kb() - rest) / 1024:.0f}"


def main() -> None:
    from tests.attacks.hostile_pictures import MAKERS, hostile

    print("| picture | kB | outcome | CPU seconds | MB above rest |")
    print("| --- | ---: | --- | ---: | ---: |")
    for name in MAKERS:
        if len(sys.argv) > 1 and sys.argv[1] not in name:
            continue
        command = [sys.executable, __file__, "--one"]
        try:
            row = subprocess.run(
                command, input=hostile(name), capture_output=True, timeout=SECONDS, check=True
            ).stdout.decode()
        except subprocess.TimeoutExpired:
            row = f"{len(hostile(name)) / 1000:,.0f} | given up | > {SECONDS} | ?\n"
        print(f"| {name} | {row.strip()} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--one"]:
        print(measure())
    else:
        main()
