"""Refuses a challenger that is worse than the champion: run before a version is published.

    python -m training.gate --champion 2 --challenger 3

Both are evaluated on the same pictures in the same run (`training.evaluate`). Exits with 0 when the
challenger may be published, 1 with every reason when it may not, 2 when it cannot be told.
"""

import argparse
import os
import sys
from pathlib import Path

from training.evaluate import DATA, MODELS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--champion", type=int, required=True, help="the version in use")
    parser.add_argument("--challenger", type=int, required=True, help="the version that may follow")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of version directories")
    parser.add_argument("--data", type=Path, default=DATA, help="with mnist/ and pen-strokes/")
    parser.add_argument("--quick", action="store_true", help="on a part of the data")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from training.evaluation import candidates, samples
    from training.evaluation.gate import decide
    from training.evaluation.measurements import measure

    try:
        data = samples.load(options.data if options.data.is_dir() else None, quick=options.quick)
        champion, challenger = (
            measure(candidates.load(options.models, version), data)
            for version in (options.champion, options.challenger)
        )
    except (ValueError, OSError) as error:
        print(f"gate: {error}", file=sys.stderr)
        return 2
    decision = decide(champion, challenger)
    if decision.passed:
        print(f"version {options.challenger} may follow version {options.champion}")
        return 0
    print(f"version {options.challenger} may not follow version {options.champion}:")
    for reason in decision.reasons:
        print(f"- {reason}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
