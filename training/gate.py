"""Compares a challenger with the champion; to be run before a version is published.

    python -m training.gate --champion 2 --challenger 3

Both are evaluated on the same samples. The exit status is 0 if the challenger may follow, 1 if not,
with every reason printed, and 2 if a version or the data cannot be read.
"""

import argparse
import os
import sys
from pathlib import Path

from training.evaluation import candidates, gate, measurements, samples
from training.paths import DATA, MODELS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--champion", type=int, required=True, help="version in use")
    parser.add_argument("--challenger", type=int, required=True, help="version to be published")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of version directories")
    parser.add_argument("--data", type=Path, default=DATA, help="with mnist/ and pen-strokes/")
    parser.add_argument("--quick", action="store_true", help="use a part of the data")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    data = options.data if options.data.is_dir() else None
    try:
        loaded = samples.load_for_evaluation(data, quick=options.quick)
        champion, challenger = (
            measurements.measure(candidates.load(options.models, version), loaded)
            for version in (options.champion, options.challenger)
        )
    except (ValueError, OSError) as error:
        print(f"gate: {error}", file=sys.stderr)
        return 2
    reasons = gate.reasons_against(champion, challenger)
    if not reasons:
        print(f"version {options.challenger} may follow version {options.champion}")
        return 0
    print(f"version {options.challenger} may not follow version {options.champion}:")
    print("\n".join(f"- {reason}" for reason in reasons))
    return 1


if __name__ == "__main__":
    sys.exit(main())
