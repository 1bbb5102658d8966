"""CPU time of a version for an instance, through its signature and on one core.

It is measured in a process of its own, since TensorFlow sets up its threads when it is first used.

    python -m training.evaluation.timing serving/models/digits 1 2
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
    command = [sys.executable, "-m", "training.evaluation.timing", str(models.resolve())]
    done = subprocess.run(
        [*command, *(str(version) for version in versions)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return {int(version): times for version, times in found.items()}


def main() -> None:
    models, versions = Path(sys.argv[1]), sys.argv[2:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    times: dict[str, dict[str, float]] = {version: {} for version in versions}
    loaded = {version: tf.saved_model.load(str(models / version)) for version in versions}
    for _ in range(ROUNDS):  # in turn, so that a change of the load affects all versions
        for version, model in loaded.items():
            signature = model.signatures["serving_default"]
            for batch in BATCHES:
                image = tf.constant(np.random.default_rng(0).random((batch, 28, 28, 1), np.float32))
                signature(image=image)
                calls = max(CALLS // batch, 2)
                started = time.process_time()  # CPU time, not wall time
                for _ in range(calls):
                    signature(image=image)["probabilities"].numpy()
                spent = (time.process_time() - started) / calls / batch * 1000
                name = f"batch {batch}"
                times[version][name] = min(times[version].get(name, spent), spent)
    print(json.dumps(times))


if __name__ == "__main__":
    main()
