"""The gate: refuses a challenger that is worse than the champion."""

from training.evaluation.measurements import VersionMeasurements

# How much lower an accuracy may be. About the difference between two random seeds of one recipe
# (docs/evaluation.md), so that chance alone does not refuse a challenger.
ACCURACY_MARGINS = {"mnist": 0.001, "clean": 0.004, "perturbed": 0.003}
CALIBRATION_MARGIN = 0.01  # of the expected calibration error on pen digits
AUROC_MARGIN = 0.003  # for each kind of negatives
MOST_REFUSED = 0.01  # of pen digits called "not a digit", whatever the champion's share


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
