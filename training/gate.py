"""Refuses a challenger that is worse than the champion: run before a version is published.

    python -m training.gate --champion 2 --challenger 3

Both are evaluated on the same pictures in the same run (`training.evaluate`). Exits with 0 when the
challenger may be published, 1 with every reason when it may not, 2 when it cannot be told.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from training.evaluate import DATA, MODELS, VersionFigures, measure

# How much worse a challenger may be, in shares: about what another training seed makes of the same
# recipe (docs/evaluation.md), so that chance alone refuses no one and nothing larger gets through.
MARGINS = {"mnist": 0.001, "tidy": 0.004, "messy": 0.003}
CALIBRATION_MARGIN = 0.01  # of the expected calibration error on pen digits
AUROC_MARGIN = 0.003  # against each kind that is no digit
MOST_REFUSED = 0.01  # of pen digits called no digit: promised, whatever the champion does


@dataclass(frozen=True)
class Decision:
    """Whether the challenger may be published, and why not."""

    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons


def decide(champion: VersionFigures, challenger: VersionFigures) -> Decision:
    """Compares figures of the same samples."""
    reasons = []
    if not challenger.agrees:
        reasons.append("its SavedModel does not answer as the JSON plus HDF5 it came from")
    if challenger.classes < champion.classes:
        reasons.append(
            f"it has {challenger.classes} classes, the champion {champion.classes}: "
            "it cannot say what the champion says"
        )
    for name, margin in MARGINS.items():
        if name not in champion.digits:
            continue
        old, new = (one.digits[name].accuracy.value for one in (champion, challenger))
        if new < old - margin:
            reasons.append(
                f"{name}: {new:.2%} right, the champion {old:.2%}; at most {margin:.2%} less may be"
            )
    for name in ("tidy", "messy"):
        if name not in challenger.digits:
            continue
        found = challenger.digits[name]
        if found.refused.value > MOST_REFUSED:
            reasons.append(
                f"{name}: {found.refused.value:.2%} of the digits are refused; "
                f"at most {MOST_REFUSED:.0%} may be"
            )
        error, before = found.reliability.error, champion.digits[name].reliability.error
        if error > before + CALIBRATION_MARGIN:
            reasons.append(
                f"{name}: calibration error {error:.2%}, the champion {before:.2%}; at most "
                f"{CALIBRATION_MARGIN:.0%} more may be"
            )
    for name, part in champion.others.items():
        new = challenger.others[name].auroc
        if new < part.auroc - AUROC_MARGIN:
            reasons.append(
                f"{name}: AUROC {new:.4f}, the champion {part.auroc:.4f}; at most "
                f"{AUROC_MARGIN} less may be"
            )
    return Decision(tuple(reasons))


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
    from training import samples, subjects

    try:
        data = samples.load(options.data if options.data.is_dir() else None, quick=options.quick)
        champion, challenger = (
            measure(subjects.load(options.models, version), data)
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
