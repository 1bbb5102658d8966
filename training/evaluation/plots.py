"""Plots of an evaluation: confusion, reliability, ROC, and contact sheets of the errors."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from serving.verdict import NOT_A_DIGIT_CLASS
from training.evaluation.measurements import VersionMeasurements
from training.evaluation.samples import Sample, Samples

DPI = 80  # enough for a browser, and small files
MOST_ERRORS = 120
ZOOM = 2


def draw(
    output: Path, versions: list[VersionMeasurements], samples: Samples
) -> list[tuple[str, str]]:
    """Write PNG files and return the file name and the caption of each."""
    import matplotlib as mpl

    mpl.use("Agg")
    drawn = [(_reliability(output, versions), "Reliability: confidence against share right")]
    if any(one.negatives for one in versions):
        drawn.append((_roc(output, versions), "ROC: digits against negatives"))
    for one in versions:
        drawn.append((_confusion(output, one), f"Confusion matrices of version {one.version}"))
        for name, sample in samples.digits.items():
            file = _errors(output, one, name, sample)
            if file:
                drawn.append((file, f"Errors of version {one.version}: {sample.name}"))
    return drawn


def _panels(count: int, *, height: float = 4.0) -> tuple[Any, Any]:
    """Return a figure with axes beside each other."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, count, figsize=(4.2 * count, height), squeeze=False, layout="constrained"
    )
    return figure, axes[0]


def _save(figure: Any, path: Path) -> str:
    import matplotlib.pyplot as plt

    # Without Matplotlib's name and version, so that the same figures give the same bytes.
    figure.savefig(path, dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return path.name


def _reliability(output: Path, versions: list[VersionMeasurements]) -> str:
    figure, axes = _panels(len(versions))
    for axis, one in zip(axes, versions, strict=True):
        axis.plot([0, 1], [0, 1], color="0.75", linewidth=1)
        for name, part in one.digits.items():
            found = part.reliability
            label = f"{name}, ECE {100 * found.error:.2f} %"
            axis.plot(found.confidence, found.accuracy, marker="o", markersize=3, label=label)
        axis.set(title=f"version {one.version}", xlabel="confidence", ylabel="share right")
        axis.legend(fontsize=8)
    return _save(figure, output / "reliability.png")


def _roc(output: Path, versions: list[VersionMeasurements]) -> str:
    figure, axes = _panels(len(versions))
    for axis, one in zip(axes, versions, strict=True):
        for name, part in one.negatives.items():
            label = f"{name}, {part.auroc:.4f}"
            axis.plot(part.false_rates, part.true_rates, linewidth=1.2, label=label)
        axis.set(
            title=f"version {one.version}",
            xlabel="negatives, taken for digits",
            ylabel="digits, taken for digits",
            xlim=(0, 0.3),
            ylim=(0.7, 1.002),
        )
        axis.legend(fontsize=7, loc="lower right")
    return _save(figure, output / "roc.png")


def _confusion(output: Path, one: VersionMeasurements) -> str:
    names = list(one.digits)
    figure, axes = _panels(len(names), height=4.2)
    for axis, name in zip(axes, names, strict=True):
        counts = one.digits[name].confusion
        # Errors are few, so the colour is that of 5 % of the row at most.
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        axis.imshow(np.minimum(shares, 0.05), cmap="Blues")
        for row, column in np.argwhere(counts > 0):
            color = "white" if shares[row, column] > 0.03 else "black"
            number = str(counts[row, column])
            axis.text(column, row, number, ha="center", va="center", fontsize=6, color=color)
        classes = [*map(str, range(10)), "none"][: counts.shape[1]]
        axis.set_xticks(range(len(classes)), classes, fontsize=7)
        axis.set_yticks(range(10), [str(digit) for digit in range(10)], fontsize=7)
        axis.set(title=f"version {one.version}: {name}", xlabel="predicted", ylabel="drawn")
    return _save(figure, output / f"confusion-{one.version}.png")


def _errors(output: Path, one: VersionMeasurements, name: str, sample: Sample) -> str | None:
    """Write a sheet of the misread instances with "drawn > predicted" below; None without any."""
    rows = one.digits[name].errors[:MOST_ERRORS]
    if not len(rows):
        return None
    side, foot = 28 * ZOOM, 12
    columns = min(15, len(rows))
    lines = -(-len(rows) // columns)
    sheet = Image.new("L", (columns * (side + 4), lines * (side + foot + 4)), 255)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=10)
    for place, row in enumerate(rows):
        left, top = place % columns * (side + 4), place // columns * (side + foot + 4)
        grey = np.rint(sample.instances[row] * 255).astype(np.uint8)
        cell = Image.fromarray(grey).resize((side, side), Image.Resampling.NEAREST)
        sheet.paste(cell, (left, top))
        predicted = one.digits[name].predicted[row]
        answer = "none" if predicted == NOT_A_DIGIT_CLASS else predicted
        text = f"{sample.labels[row]} > {answer}"
        pen.text((left + side // 2, top + side), text, fill=0, font=font, anchor="ma")
    path = output / f"errors-{one.version}-{name}.png"
    sheet.save(path, optimize=True)
    return path.name
