"""CPU time of a version for an instance, through its signature and on one core.

It is measured in a process of its own, since TensorFlow sets up its threads when it is first used.

    python -m training.evaluation.timing serving/models/digits/1 serving/models/digits/3
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from training.paths import ROOT

BATCHES = (1, 64)
ROUNDS = 20  # the fastest counts, since other processes can only slow a round down
CALLS = 20


def measure_in_own_process(models: Path, versions: list[int]) -> dict[int, dict[str, float]]:
    """Return CPU milliseconds per instance by version and batch ("batch 1", "batch 64")."""
    rounds = rounds_of([models / str(version) for version in versions])
    return {
        version: {batch: min(times) for batch, times in of_version.items()}
        for version, of_version in zip(versions, rounds, strict=True)
    }


def rounds_of(directories: list[Path]) -> list[dict[str, list[float]]]:
    """Return for each version directory the CPU milliseconds per instance by batch, by round.

    Every round measures all versions one after the other, each second round in the reverse
    order, so that its times can be compared with one another whatever else the machine does.
    """
    command = [sys.executable, "-m", "training.evaluation.timing"]
    done = subprocess.run(
        [*command, *(str(directory.resolve()) for directory in directories)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    found: list[dict[str, list[float]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    directories = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = [tf.saved_model.load(directory) for directory in directories]
    times: list[dict[str, list[float]]] = [
        {f"batch {batch}": [] for batch in BATCHES} for _ in loaded
    ]
    places = list(range(len(loaded)))
    for _ in range(ROUNDS):
        for place in places:
            signature = loaded[place].signatures["serving_default"]
            for batch in BATCHES:
                image = tf.constant(np.random.default_rng(0).random((batch, 28, 28, 1), np.float32))
                signature(image=image)
                calls = max(CALLS // batch, 2)
                started = time.process_time()  # CPU time, not wall time
                for _ in range(calls):
                    signature(image=image)["probabilities"].numpy()
                spent = (time.process_time() - started) / calls / batch * 1000
                times[place][f"batch {batch}"].append(spent)
        places.reverse()
    print(json.dumps(times))


if __name__ == "__main__":
    main()
