"""CPU time and memory of hostile pictures: the table of docs/limits.md.

    python benchmarks/hostile_pictures.py [part of a name]

Each picture is read in a process of its own.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.attacks.cost import SECONDS, cost_of
from tests.attacks.hostile_pictures import MAKERS, hostile


def main() -> None:
    print("| picture | kB | outcome | CPU seconds | MB above rest |")
    print("| --- | ---: | --- | ---: | ---: |")
    for name in MAKERS:
        if len(sys.argv) > 1 and sys.argv[1] not in name:
            continue
        picture = hostile(name)
        try:
            cost = cost_of(picture)
            row = f"{cost.outcome} | {cost.seconds:.2f} | {cost.megabytes:.0f}"
        except subprocess.TimeoutExpired:
            row = f"given up | > {SECONDS} | ?"
        print(f"| {name} | {len(picture) / 1000:,.0f} | {row} |", flush=True)


if __name__ == "__main__":
    main()
