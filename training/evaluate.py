"""Evaluates model versions on people and pictures that were not trained on.

    python -m training.evaluate                        # every version in serving/models/digits
    python -m training.evaluate --version 3 --quick    # one version on a part of the data
    python -m training.evaluate --output docs/evaluation

It writes results.json, results.md and plots. The exit status is 1 if a SavedModel does not answer
as the JSON plus HDF5 it was exported from, and 2 if a version or the data cannot be read.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from serving.versions.repository import Repository
from training.evaluation import candidates, measurements, report, samples, seeds, timing
from training.paths import DATA, MODELS, SCRATCH


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder with mnist/ and pen-strokes/"
    )
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of version directories")
    parser.add_argument(
        "--version", type=int, action="append", help="evaluate only this one (may be repeated)"
    )
    parser.add_argument("--output", type=Path, default=SCRATCH / "evaluation")
    parser.add_argument(
        "--quick", action="store_true", help="use a part of the data and do not time"
    )
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    repository = Repository(models_dir=options.models.parent, model_name=options.models.name)
    versions = options.version or repository.versions()
    if not versions:
        print(f"evaluate: there is no version in {options.models}", file=sys.stderr)
        return 2
    data = options.data if options.data.is_dir() else None
    try:
        loaded = samples.load_for_evaluation(data, quick=options.quick)
        found = [candidates.load(options.models, version) for version in versions]
    except (ValueError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    speeds = {} if options.quick else timing.measure_in_own_process(options.models, versions)
    measured = []
    for candidate in found:
        version = candidate.card.version
        print(f"evaluating version {version}: {candidate.card.title}", flush=True)
        one = measurements.measure(candidate, loaded)
        measured.append(replace(one, milliseconds=speeds.get(version, {})))
    print(report.write(options.output, measured, loaded, seeds.spread(), quick=options.quick))
    print(f"written: {options.output}/results.md, results.json and plots")
    disagreeing = [one.version for one in measured if not one.agrees]
    if disagreeing:
        print(f"evaluate: SavedModel and JSON plus HDF5 disagree: {disagreeing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
