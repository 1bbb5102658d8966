"""The rules by which a challenger may follow a champion."""

from dataclasses import dataclass

from training.evaluation.measurements import VersionFigures

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
