"""Report of an evaluation: results.json for programs, results.md for people, and plots."""

import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from serving.atomic_files import write_text
from training.data.pen_strokes import HELD_OUT_LETTERS
from training.evaluation import plots
from training.evaluation.measurements import DigitMeasurements, VersionMeasurements
from training.evaluation.metrics import Share
from training.evaluation.samples import PERTURBED_DRAWINGS, Samples
from training.evaluation.seeds import Spread

WORST_PEOPLE = 10
# Metrics of the training metadata, with their names in the report.
SEED_METRICS = {
    "mnist_test_accuracy": "MNIST test, accuracy",
    "pen_clean_accuracy": "pen digits, clean",
    "pen_perturbed_accuracy": "pen digits, perturbed",
    "auroc_seen_letters": "AUROC, letters of kinds trained on",
    "auroc_unseen_letters": "AUROC, letters never trained on",
    "refused_digits": "digits refused",
    "pen_ece": "calibration error, pen digits",
}


def write(
    output: Path,
    versions: list[VersionMeasurements],
    samples: Samples,
    spread: dict[str, Spread],
    *,
    quick: bool = False,
) -> str:
    """Write report and plots into a folder and return the Markdown."""
    output.mkdir(parents=True, exist_ok=True)
    drawn = plots.draw(output, versions, samples)
    text = markdown(versions, samples, spread, drawn, quick=quick)
    document = {
        "machine": platform.machine(),
        "quick": quick,
        "versions": [as_dict(one) for one in versions],
        "seeds": {name: asdict(found) for name, found in spread.items()},
    }
    write_text(output / "results.json", json.dumps(document, indent=1) + "\n")
    write_text(output / "results.md", text)
    return text


def as_dict(one: VersionMeasurements) -> dict[str, Any]:
    """Return the measurements of one version as results.json has them."""
    agreement = one.agreement
    return {
        "version": one.version,
        "title": one.title,
        "classes": one.classes,
        "parameters": one.parameters,
        "size_bytes": one.size_bytes,
        "temperature": one.temperature,
        "thresholds": asdict(one.thresholds),
        "cpu_milliseconds_an_instance": one.milliseconds,
        "agreement": None
        if agreement is None
        else {
            "largest_difference": agreement.largest_difference,
            "answers_that_differ": agreement.answers_that_differ,
        },
        "digits": {name: _digits_as_dict(part) for name, part in one.digits.items()},
        "json_and_hdf5_accuracy": _as_dicts(agreement.accuracy if agreement else {}),
        "whole_canvas": _as_dicts(one.whole_canvas),
        "negatives": {
            name: {
                "auroc": part.auroc,
                "false_positives_at_95_true": part.false_positive_rate,
                "refused": part.refused.as_dict(),
            }
            for name, part in one.negatives.items()
        },
    }


def _as_dicts(shares: dict[str, Share]) -> dict[str, Any]:
    return {name: share.as_dict() for name, share in shares.items()}


def _digits_as_dict(part: DigitMeasurements) -> dict[str, Any]:
    return {
        "accuracy": part.accuracy.as_dict(),
        "likeliest_digit": part.likeliest.as_dict(),
        "refused": part.refused.as_dict(),
        "unsure": part.unsure.as_dict(),
        "right_when_sure": part.right_when_sure.as_dict(),
        "calibration_error": part.reliability.error,
        "reliability": asdict(part.reliability),
        "by_digit": _as_dicts(part.by_digit),
        "by_laboratory": _as_dicts(part.by_laboratory),
        "by_person": _as_dicts(part.by_person),
        "confusion": part.confusion.tolist(),
    }


def markdown(
    versions: list[VersionMeasurements],
    samples: Samples,
    spread: dict[str, Spread],
    drawn: list[tuple[str, str]],
    *,
    quick: bool = False,
) -> str:
    """Return the tables, followed by the plots.

    Args:
        versions: the measurements.
        samples: on which they were made.
        spread: of the trainings that differ in their random seed.
        drawn: file name and caption of each plot.
        quick: say that a part of the data was used.
    """
    parts = ["# Results\n"]
    if quick:
        parts.append("**A quick look at a part of the data: do not quote these figures.**\n")
    parts += [_samples(samples), "## Accuracy\n", _accuracy(versions, samples)]
    if any(one.negatives for one in versions):
        parts += ["## Negatives\n", _negatives(versions)]
    parts += ["## Confidence\n", _confidence(versions), "## The versions\n", _versions(versions)]
    if spread:
        parts += ["## Random seeds of the training\n", _seeds(spread)]
    for one in versions:
        parts += [f"## Version {one.version}, in detail\n", _detail(one)]
    parts.extend(f"![{caption}]({name})\n" for name, caption in drawn)
    return "\n".join(parts)


def _samples(samples: Samples) -> str:
    lines = [f"MNIST's test set has {len(samples.digits['mnist']):,} pictures."]
    if "clean" in samples.digits:
        people = set(samples.digits["clean"].people)
        sources = {person.split("/")[0] for person in people}
        lines.append(
            f"Pen digits: {len(samples.digits['clean']):,} by {len(people)} people of "
            f"{len(sources)} sources (laboratories and collections); the pen network saw none of "
            "these people, but others of each source. People of sources that a network never saw "
            "are read less well: docs/training.md has the figures. Version 1 was not trained on "
            f"pen strokes. Clean: centred, the page's own pen. Perturbed: {PERTURBED_DRAWINGS} "
            "drawings of each, 30 to 100 % of the canvas in size, anywhere on it, with a pen of "
            f"3 to 10 %. Letters never trained on: {' '.join(sorted(HELD_OUT_LETTERS))}."
        )
    lines.append(
        "A digit counts as right if the page would answer it: the most probable digit, and not "
        "refused. Intervals are Wilson's, 95 %."
    )
    return " ".join(lines) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' + ' ---: |' * (len(head) - 1)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _percent(share: Share) -> str:
    if not share.of:
        return "-"
    low, high = share.interval
    return f"{100 * share.value:.2f} % ({100 * low:.2f} to {100 * high:.2f})"


def _accuracy(versions: list[VersionMeasurements], samples: Samples) -> str:
    def row(title: str, shares: dict[str, Share]) -> list[str]:
        return [
            title,
            *(_percent(shares[name]) if name in shares else "-" for name in samples.digits),
        ]

    rows = []
    for one in versions:
        title = f"version {one.version}"
        accuracies = {name: part.accuracy for name, part in one.digits.items()}
        rows.append(row(f"{title}, SavedModel", accuracies))
        if one.agreement:
            rows.append(row(f"{title}, JSON plus HDF5", one.agreement.accuracy))
        if one.whole_canvas:
            demo = "the original demo's preprocessing (whole canvas shrunk)"
            rows.append(row(f"{title}, {demo}", one.whole_canvas))
    return _table(["", *(sample.name for sample in samples.digits.values())], rows)


def _negatives(versions: list[VersionMeasurements]) -> str:
    rows = []
    for one in versions:
        for name, part in one.negatives.items():
            rows.append(
                [
                    f"version {one.version}: {name}",
                    f"{part.auroc:.4f}",
                    f"{100 * part.false_positive_rate:.1f} %",
                    _percent(part.refused) if one.classes > 10 else "-",
                ]
            )
        for how in ("clean", "perturbed"):
            if one.classes > 10 and how in one.digits:
                refused = _percent(one.digits[how].refused)
                rows.append([f"version {one.version}: pen digits, {how}", "", "", refused])
    note = (
        "Against the pen digits, clean and perturbed. For a version of ten classes, which has no "
        "class for negatives, the score is the largest probability.\n"
    )
    head = ["", "AUROC", "taken for a digit at 95 % of digits taken", "refused"]
    return note + "\n" + _table(head, rows)


def _confidence(versions: list[VersionMeasurements]) -> str:
    rows = [
        [
            f"version {one.version}: {name}",
            f"{100 * part.reliability.error:.2f} %",
            _percent(part.unsure),
            _percent(part.right_when_sure),
        ]
        for one in versions
        for name, part in one.digits.items()
    ]
    return _table(["", "calibration error (ECE)", "unsure", "right when sure"], rows)


def _versions(versions: list[VersionMeasurements]) -> str:
    head = [
        "version",
        "parameters",
        "size",
        "CPU ms an instance, one core, alone",
        "in batches of 64",
        "temperature",
        "SavedModel and JSON plus HDF5 apart by",
    ]
    return _table(head, [_version_row(one) for one in versions])


def _version_row(one: VersionMeasurements) -> list[str]:
    agreement = "-"
    if one.agreement:
        agreement = (
            f"{one.agreement.largest_difference:.1g}, "
            f"{one.agreement.answers_that_differ} answers differ"
        )
    speeds = (one.milliseconds.get(name) for name in ("batch 1", "batch 64"))
    return [
        f"{one.version}: {one.title}",
        f"{one.parameters:,}",
        f"{one.size_bytes / 1e6:.1f} MB",
        *("-" if speed is None else f"{speed:.2f}" for speed in speeds),
        f"{one.temperature:.3f}",
        agreement,
    ]


def _seeds(spread: dict[str, Spread]) -> str:
    rows = []
    for name, title in SEED_METRICS.items():
        if name not in spread:
            continue
        found = spread[name]
        scale, digits, unit = (1, 4, "") if "auroc" in name else (100, 2, " %")
        deviation = found.standard_deviation
        rows.append(
            [
                title,
                f"{scale * found.mean:.{digits}f}{unit}",
                "-" if deviation is None else f"{scale * deviation:.{digits}f}{unit}",
                ", ".join(f"{scale * value:.{digits}f}" for value in found.values),
            ]
        )
    seeds = ", ".join(map(str, next(iter(spread.values())).seeds))
    note = f"The recipe with seeds {seeds}, as measured after training.\n"
    return note + "\n" + _table(["", "mean", "standard deviation", "each"], rows)


def _detail(one: VersionMeasurements) -> str:
    pens = {name: part for name, part in one.digits.items() if part.by_laboratory}
    parts = [_by_group("digit", {name: part.by_digit for name, part in one.digits.items()})]
    if pens:
        parts.append(_by_group("source", {name: part.by_laboratory for name, part in pens.items()}))
        name = list(pens)[-1]
        people = pens[name].by_person
        worst = sorted(people, key=lambda person: (people[person].value, -people[person].of))
        flawless = sum(share.count == share.of for share in people.values())
        median = float(np.median([share.value for share in people.values()]))
        parts.append(
            f"Of {len(people)} people, {flawless} were read without an error ({name}); the "
            f"median is {100 * median:.1f} %. The hardest to read:\n"
        )
        parts.append(
            _by_group("person", {name: {person: people[person] for person in worst[:WORST_PEOPLE]}})
        )
    return "\n".join(parts)


def _by_group(title: str, shares: dict[str, dict[str, Share]]) -> str:
    """Return a table with a row for each group and a column for each sample."""
    groups = next(iter(shares.values()))
    return _table(
        [title, *shares],
        [[group, *(_percent(part[group]) for part in shares.values())] for group in groups],
    )
