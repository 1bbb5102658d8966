"""Evaluates versions on people and pictures that no training saw: `make evaluate`.

    python -m training.evaluate                        # every version in serving/models/digits
    python -m training.evaluate --version 2 --quick    # a look at one
    python -m training.evaluate --output docs/evaluation

Writes results.json, results.md and pictures. A digit is right when the page would say it: the
likeliest digit, and not refused as "not a digit" at the version's own threshold. Exits with 1 when
the SavedModel and the JSON plus HDF5 it came from disagree.
"""

import argparse
import os
import sys
from pathlib import Path

from training.evaluation import measurements

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
MODELS = ROOT / "serving" / "models" / "digits"
OUTPUT = ROOT / "var" / "evaluation"


def versions_in(models: Path) -> list[int]:
    return sorted(
        int(entry.name) for entry in models.iterdir() if entry.name.isdigit() and entry.is_dir()
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder with mnist/ and pen-strokes/"
    )
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of version directories")
    parser.add_argument(
        "--version", type=int, action="append", help="only this one (may be given again)"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--quick", action="store_true", help="a part of the data, no timing")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from training.evaluation import candidates, report, samples, timing

    versions = options.version or versions_in(options.models)
    if not versions:
        print(f"evaluate: there is no version in {options.models}", file=sys.stderr)
        return 2
    try:
        data = samples.load(options.data if options.data.is_dir() else None, quick=options.quick)
        found = [candidates.load(options.models, version) for version in versions]
    except (ValueError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    speeds = {} if options.quick else timing.measure_in_own_process(options.models, versions)
    figures = []
    for subject in found:
        print(f"evaluating version {subject.version}: {subject.card.title}", flush=True)
        one = measurements.measure(subject, data)
        one.milliseconds.update(speeds.get(subject.version, {}))
        figures.append(one)
    text = report.write(
        options.output, figures, data, measurements.seeds_spread(), quick=options.quick
    )
    print(text)
    print(f"written: {options.output}/results.md, results.json and pictures")
    disagreeing = [one.version for one in figures if not one.agrees]
    if disagreeing:
        print(f"evaluate: SavedModel and JSON plus HDF5 disagree: {disagreeing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
