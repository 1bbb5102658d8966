"""The command of the trainer's container: train a network, export it, gate and publish it.

    docker-compose --profile trainer run --rm trainer             # the best that the data allow
    docker-compose --profile trainer run --rm trainer --network baseline
    docker-compose --profile trainer run --rm trainer --network digits --resume

A version that the gate blocks is not published, unless --override-gate gives a reason, which the
history keeps. The running model server has loaded the version when this ends, and answers no
visitor with it until `manage.py models promote` or `canary`. Unknown arguments are passed on to
the training. Of several workers (training/network/workers.py) only the first publishes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.network.workers import WorkersError, worker_index
from webui.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
DATA = Environment(os.environ).directory("DATA_DIR", default=Path("/datasets"))
OUTPUT = ROOT / "var" / "artifacts"
VERSIONS = Environment(os.environ).directory("MODELS_DIR", default=Path("/models")) / "digits"


class TrainerError(Exception):
    """The reason, and what would be right; printed without a traceback."""


@dataclass(frozen=True)
class Network:
    """The module that trains a network, the name of its artifact, and the data it needs."""

    module: str
    artifact: str
    needs: tuple[str, ...]  # folders of the data folder


# As in training.data.pen_strokes.COLLECTIONS.
PEN_STROKES = ("pen-strokes", "uji-pen-characters", "lipitk-numerals", "numberpad")
NETWORKS = {
    "digits": Network("training.train", "model_digits", ("mnist", *PEN_STROKES)),
    "baseline": Network("training.baseline", "model_mnist", ()),  # MNIST is fetched when missing
}


def choose(name: str | None, data: Path) -> str:
    """Return the network that was asked for, or the best one for which there are data.

    Raises:
        TrainerError: if the data folder lacks what the network needs.
    """
    missing = [folder for folder in NETWORKS["digits"].needs if not (data / folder).is_dir()]
    if name is None and missing:
        print(
            f"{data} has no {' and no '.join(missing)}: training the baseline CNN, on MNIST alone"
        )
        return "baseline"
    name = name or "digits"
    if NETWORKS[name].needs and missing:
        raise TrainerError(
            f"network {name} needs {' and '.join(missing)} in the data folder; name yours: "
            "DATA=/path/to/data docker-compose --profile trainer run --rm trainer"
        )
    return name


def run(*command: str) -> None:
    """Run one of the three steps to its end.

    Raises:
        TrainerError: if it fails; it has printed why.
    """
    print(f"== {' '.join(command)}", flush=True)
    finished = subprocess.run([sys.executable, *command], cwd=ROOT)
    if finished.returncode:
        raise TrainerError(f"{command[0]} failed ({finished.returncode}); see above")


def train(network: Network, arguments: Sequence[str]) -> None:
    # Without a folder, training fetches MNIST as Keras does.
    data = ["--data", str(DATA)] if network.needs or (DATA / "mnist").is_dir() else []
    run("-m", network.module, *data, "--output", str(OUTPUT), *arguments)


def publish(network: Network, *, note: str, gate_override: str | None = None) -> None:
    """Export the network, compare it with the stable version, and publish it.

    Raises:
        TrainerError: a step failed, or the gate blocked the version.
    """
    # In the volume that keeps the artifacts, since /tmp is in memory.
    drafts = Path(tempfile.mkdtemp(prefix="export-", dir=ROOT / "var"))
    try:
        artifact = OUTPUT / f"{network.artifact}.json"
        # This number is the draft's; the published version gets the next free one.
        run(
            "export_savedmodel.py", "--version", "1",
            "--architecture", str(artifact), "--output", str(drafts / "digits"),
        )  # fmt: skip
        draft = str(drafts / "digits" / "1")
        override = [] if gate_override is None else ["--override-gate", gate_override]
        if gate_override is None:
            data = ["--data", str(DATA)] if (DATA / "mnist").is_dir() else []
            run("-m", "training.gate", "--challenger", draft, "--models", str(VERSIONS), *data)
        run("manage.py", "models", "publish", draft, "--note", note, "--by", "trainer", *override)
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def main() -> int:
    """Return 1 after a training that --resume may finish, and 2 if repeating helps nothing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=sorted(NETWORKS), help="default: what the data allow")
    parser.add_argument("--note", default="trained by the trainer", help="why, for the history")
    parser.add_argument("--override-gate", metavar="REASON", help="publish without asking the gate")
    parser.add_argument(
        "--publish-only", action="store_true", help="publish what an earlier run trained"
    )
    options, arguments = parser.parse_known_args()
    if options.publish_only and arguments:
        parser.error(f"--publish-only trains nothing, so {' '.join(arguments)} has no meaning")
    failure = 1
    try:
        network = NETWORKS[choose(options.network, DATA)]
        if not options.publish_only:
            train(network, arguments)
        if worker_index():
            return 0
        failure = 2
        publish(network, note=options.note, gate_override=options.override_gate)
    except (TrainerError, WorkersError) as problem:
        print(f"trainer: {problem}", file=sys.stderr)
        return failure
    print("Make it stable with: docker-compose exec web python manage.py models promote NUMBER")
    return 0


if __name__ == "__main__":
    sys.exit(main())
