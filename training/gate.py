"""The gate: refuses a challenger that is worse than the champion, before it is published.

    python -m training.gate --champion 2 --challenger 3

Both are evaluated on the same samples. The exit status is 0 if the challenger may follow, 1 if not,
with every reason printed, and 2 if a version or the data cannot be read.
"""

import argparse
import os
import sys
from pathlib import Path

from training.evaluation import candidates, measurements, samples
from training.evaluation.measurements import VersionMeasurements
from training.paths import DATA, MODELS

# How much lower an accuracy may be. About the difference between two random seeds of one recipe
# (docs/evaluation.md), so that chance alone does not refuse a challenger.
ACCURACY_MARGINS = {"mnist": 0.001, "clean": 0.004, "perturbed": 0.003}
CALIBRATION_MARGIN = 0.01  # of the expected calibration error on pen digits
AUROC_MARGIN = 0.003  # for each kind of negatives
MOST_REFUSED = 0.01  # of pen digits called "not a digit", whatever the champion's share


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
    reasons = reasons_against(champion, challenger)
    if not reasons:
        print(f"version {options.challenger} may follow version {options.champion}")
        return 0
    print(f"version {options.challenger} may not follow version {options.champion}:")
    print("\n".join(f"- {reason}" for reason in reasons))
    return 1


def reasons_against(champion: VersionMeasurements, challenger: VersionMeasurements) -> list[str]:
    """Return why the challenger may not follow; empty if it may.

    Both must have been measured on the same samples.
    """
    reasons = []
    if not challenger.agrees:
        reasons.append("its SavedModel does not answer as the JSON plus HDF5 it came from")
    if challenger.classes < champion.classes:
        reasons.append(f"it has {challenger.classes} classes, the champion {champion.classes}")
    for name, old in champion.digits.items():
        new, margin = challenger.digits[name], ACCURACY_MARGINS[name]
        if new.accuracy.value < old.accuracy.value - margin:
            reasons.append(
                f"{name}: {new.accuracy.value:.2%} right, the champion {old.accuracy.value:.2%}; "
                f"at most {margin:.2%} less may be"
            )
        if name == "mnist":
            continue
        if new.refused.value > MOST_REFUSED:
            reasons.append(
                f"{name}: {new.refused.value:.2%} of the digits are refused; "
                f"at most {MOST_REFUSED:.0%} may be"
            )
        if new.reliability.error > old.reliability.error + CALIBRATION_MARGIN:
            reasons.append(
                f"{name}: calibration error {new.reliability.error:.2%}, the champion "
                f"{old.reliability.error:.2%}; at most {CALIBRATION_MARGIN:.0%} more may be"
            )
    for name, part in champion.negatives.items():
        auroc = challenger.negatives[name].auroc
        if auroc < part.auroc - AUROC_MARGIN:
            reasons.append(
                f"{name}: AUROC {auroc:.4f}, the champion {part.auroc:.4f}; "
                f"at most {AUROC_MARGIN} less may be"
            )
    return reasons


if __name__ == "__main__":
    sys.exit(main())
