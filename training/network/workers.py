"""Several machines that train one network, each with a part of every batch.

`TF_CONFIG` names them, in JSON, as
https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable
describes: the addresses of all workers, and which of them this process is.
"""

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

VARIABLE = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class WorkersError(ValueError):
    """TF_CONFIG names no workers, or the workers do not train the same."""


def strategy_of_workers() -> "tf.distribute.Strategy | None":
    """Return a strategy over the workers that TF_CONFIG names, or None if it is not set.

    To be called before TensorFlow does anything else: it opens the connections, and waits until
    all workers have.

    Raises:
        WorkersError: TF_CONFIG is malformed.
    """
    if worker_index() is None:
        return None
    import tensorflow as tf

    return tf.distribute.MultiWorkerMirroredStrategy()


def worker_index() -> int | None:
    """Return which of the workers this process is, or None if TF_CONFIG is not set.

    Worker 0 is the chief, which stores the result.

    Raises:
        WorkersError: TF_CONFIG is malformed.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        config: Any = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        addressed = all(isinstance(worker, str) and ":" in worker for worker in workers)
        known = task["type"] == "worker" and int(task["index"]) in range(len(workers))
    except (ValueError, TypeError, KeyError) as error:
        raise WorkersError(f"{VARIABLE} must be like {_EXAMPLE}") from error
    if set(config["cluster"]) != {"worker"} or not addressed:
        raise WorkersError(f"{VARIABLE} must list workers only, as HOST:PORT, like {_EXAMPLE}")
    if not known:
        raise WorkersError(
            f"the task of {VARIABLE} must be of type worker, with an index below {len(workers)}"
        )
    return int(task["index"])
