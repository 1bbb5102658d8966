"""Writes an evaluation: results.json for programs, results.md for people, pictures for both."""

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np

from training.data.pen_strokes import HELD_OUT_DONORS, HELD_OUT_LETTERS
from training.evaluation import plots
from training.evaluation.measurements import DigitFigures, VersionFigures
from training.evaluation.metrics import Share
from training.evaluation.samples import PERTURBED_DRAWINGS, Samples

WORST_PEOPLE = 10
# What a training's own figures are called here.
SEED_FIGURES = {
    "mnist_test_accuracy": "MNIST test, accuracy",
    "pen_tidy_accuracy": "pen digits, tidy",
    "pen_messy_accuracy": "pen digits, messy",
    "pen_tidy_other_laboratories_accuracy": "pen digits of other laboratories, tidy",
    "pen_messy_other_laboratories_accuracy": "pen digits of other laboratories, messy",
    "auroc_seen_letters": "AUROC, letters of kinds trained on",
    "auroc_unseen_letters": "AUROC, letters never trained on",
    "refused_digits": "digits refused",
    "pen_ece": "calibration error, pen digits",
}


def write(
    output: Path,
    figures: list[VersionFigures],
    data: Samples,
    spread: dict[str, dict[str, Any]],
    *,
    quick: bool = False,
) -> str:
    """Writes everything below `output` and returns the Markdown."""
    output.mkdir(parents=True, exist_ok=True)
    drawn = plots.draw(output, figures, data)
    text = markdown(figures, data, spread, drawn, quick=quick)
    document = {
        "machine": platform.machine(),
        "quick": quick,
        "versions": [as_dict(one) for one in figures],
        "seeds": spread,
    }
    for name, content in (
        ("results.json", json.dumps(document, indent=1) + "\n"),
        ("results.md", text),
    ):
        draft = output / f".{name}.draft"
        draft.write_text(content, encoding="utf-8")
        draft.rename(output / name)
    return text


def as_dict(one: VersionFigures) -> dict[str, Any]:
    """One version's figures as JSON has them."""
    return {
        "version": one.version,
        "title": one.title,
        "classes": one.classes,
        "parameters": one.parameters,
        "size_bytes": one.size_bytes,
        "temperature": one.temperature,
        "thresholds": one.thresholds,
        "cpu_milliseconds_an_instance": one.milliseconds,
        "agreement": None
        if one.agreement is None
        else {"largest_difference": one.agreement[0], "answers_that_differ": one.agreement[1]},
        "digits": {name: _digits_as_dict(part) for name, part in one.digits.items()},
        "json_and_hdf5_accuracy": {
            name: share.as_dict() for name, share in one.kept_accuracy.items()
        },
        "whole_canvas": {name: share.as_dict() for name, share in one.whole_canvas.items()},
        "no_digit": {
            name: {
                "auroc": part.auroc,
                "false_positives_at_95_true": part.false_positives,
                "refused": part.refused.as_dict(),
            }
            for name, part in one.others.items()
        },
    }


def _digits_as_dict(part: DigitFigures) -> dict[str, Any]:
    def all_of(shares: dict[str, Share]) -> dict[str, Any]:
        return {name: share.as_dict() for name, share in shares.items()}

    return {
        "accuracy": part.accuracy.as_dict(),
        "likeliest_digit": part.likeliest.as_dict(),
        "refused": part.refused.as_dict(),
        "unsure": part.unsure.as_dict(),
        "right_when_sure": part.right_when_sure.as_dict(),
        "calibration_error": part.reliability.error,
        "reliability": {
            "confidence": part.reliability.confidence,
            "accuracy": part.reliability.accuracy,
            "count": part.reliability.count,
        },
        "by_digit": all_of(part.by_digit),
        "by_laboratory": all_of(part.by_laboratory),
        "by_person": all_of(part.by_person),
        "confusion": part.confusion.tolist(),
    }


def markdown(
    figures: list[VersionFigures],
    data: Samples,
    spread: dict[str, dict[str, Any]],
    drawn: list[tuple[str, str]],
    *,
    quick: bool = False,
) -> str:
    """The tables; `drawn` is file and caption of each picture."""
    parts = ["# Results\n"]
    if quick:
        parts.append("**A quick look at a part of the data: no figures to quote.**\n")
    parts.append(_who_judges(data))
    parts.append("## Accuracy\n")
    parts.append(_accuracy(figures, data))
    if any(one.others for one in figures):
        parts.append("## What is no digit\n")
        parts.append(_no_digit(figures))
    parts.append("## Confidence\n")
    parts.append(_confidence(figures))
    parts.append("## The versions\n")
    parts.append(_versions(figures))
    if spread:
        parts.append("## Training seeds\n")
        parts.append(_seeds(spread))
    for one in figures:
        parts.append(f"## Version {one.version}, in detail\n")
        parts.append(_detail(one))
    parts.extend(f"![{caption}]({name})\n" for name, caption in drawn)
    return "\n".join(parts)


def _who_judges(data: Samples) -> str:
    lines = [f"MNIST's test set has {len(data.digits['mnist']):,} pictures."]
    if "tidy" in data.digits:
        people = set(data.digits["tidy"].people)
        laboratories = {person.split("/")[0] for person in people}
        held_out = sorted(laboratories & HELD_OUT_DONORS)
        lines.append(
            f"Pen digits: {len(data.digits['tidy']):,} by {len(people)} people of "
            f"{len(laboratories)} laboratories; version 2 saw none of these people, and of the "
            f"laboratories {', '.join(held_out)} nobody at all. Version 1 has never seen a pen "
            f"stroke. Tidy: centred, the page's own pen. Messy: {PERTURBED_DRAWINGS} drawings of "
            "each, 30 to 100 % of the canvas in size, anywhere on it, with a pen of 3 to 10 %. "
            f"Letters never trained on: {' '.join(sorted(HELD_OUT_LETTERS))}."
        )
    lines.append(
        "A digit counts as right when the page would say it: likeliest, and not refused. "
        "Intervals are Wilson's, 95 %."
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


def _accuracy(figures: list[VersionFigures], data: Samples) -> str:
    names = list(data.digits)
    rows = []
    for one in figures:
        rows.append(
            [f"version {one.version}, SavedModel"]
            + [_percent(one.digits[name].accuracy) for name in names]
        )
        if one.kept_accuracy:
            rows.append(
                [f"version {one.version}, JSON plus HDF5"]
                + [_percent(one.kept_accuracy[name]) for name in names]
            )
        if one.whole_canvas:
            rows.append(
                [f"version {one.version}, the seed's preprocessing (whole canvas shrunk)"]
                + [
                    _percent(one.whole_canvas[name]) if name in one.whole_canvas else "-"
                    for name in names
                ]
            )
    return _table(["", *(data.digits[name].name for name in names)], rows)


def _no_digit(figures: list[VersionFigures]) -> str:
    rows = []
    for one in figures:
        for name, part in one.others.items():
            rows.append(
                [
                    f"version {one.version}: {name}",
                    f"{part.auroc:.4f}",
                    f"{100 * part.false_positives:.1f} %",
                    _percent(part.refused) if one.classes > 10 else "-",
                ]
            )
        for how in ("tidy", "messy"):
            if one.classes > 10 and how in one.digits:
                refused = _percent(one.digits[how].refused)
                rows.append([f"version {one.version}: pen digits, {how}", "", "", refused])
    note = (
        "Against the pen digits, tidy and messy. A version of ten classes has no class for it: "
        "there the score is its largest probability.\n"
    )
    head = ["", "AUROC", "taken for a digit at 95 % of digits taken", "called no digit"]
    return note + "\n" + _table(head, rows)


def _confidence(figures: list[VersionFigures]) -> str:
    rows = [
        [
            f"version {one.version}: {name}",
            f"{100 * part.reliability.error:.2f} %",
            _percent(part.unsure),
            _percent(part.right_when_sure),
        ]
        for one in figures
        for name, part in one.digits.items()
    ]
    return _table(["", "calibration error (ECE)", "unsure", "right when sure"], rows)


def _versions(figures: list[VersionFigures]) -> str:
    rows = []
    for one in figures:
        speed = [
            f"{one.milliseconds[name]:.2f}" if name in one.milliseconds else "-"
            for name in ("batch 1", "batch 64")
        ]
        agreement = (
            "-"
            if one.agreement is None
            else f"{one.agreement[0]:.1g}, {one.agreement[1]} answers differ"
        )
        rows.append(
            [
                f"{one.version}: {one.title}",
                f"{one.parameters:,}",
                f"{one.size_bytes / 1e6:.1f} MB",
                *speed,
                f"{one.temperature:.3f}",
                agreement,
            ]
        )
    head = [
        "version",
        "parameters",
        "size",
        "CPU ms an instance, one core, alone",
        "in batches of 64",
        "temperature",
        "SavedModel and JSON plus HDF5 apart by",
    ]
    return _table(head, rows)


def _seeds(spread: dict[str, dict[str, Any]]) -> str:
    rows = []
    for name, title in SEED_FIGURES.items():
        if name not in spread:
            continue
        found = spread[name]
        ratio = "auroc" not in name
        scale, unit = (100, " %") if ratio else (1, "")
        digits = 2 if ratio else 4
        deviation = found["standard_deviation"]
        rows.append(
            [
                title,
                f"{scale * found['mean']:.{digits}f}{unit}",
                "-" if deviation is None else f"{scale * deviation:.{digits}f}{unit}",
                ", ".join(f"{scale * value:.{digits}f}" for value in found["values"]),
            ]
        )
    seeds = next(iter(spread.values()))["seeds"]
    note = f"Version 2's recipe with seeds {', '.join(map(str, seeds))}, as training measured it.\n"
    return note + "\n" + _table(["", "mean", "standard deviation", "each"], rows)


def _detail(one: VersionFigures) -> str:
    names = list(one.digits)
    parts = [
        _table(
            ["digit", *names],
            [
                [digit, *(_percent(one.digits[name].by_digit[digit]) for name in names)]
                for digit in sorted(one.digits["mnist"].by_digit)
            ],
        )
    ]
    pens = [name for name in names if one.digits[name].by_laboratory]
    if pens:
        parts.append(
            _table(
                ["laboratory", *pens],
                [
                    [place, *(_percent(one.digits[name].by_laboratory[place]) for name in pens)]
                    for place in sorted(one.digits[pens[0]].by_laboratory)
                ],
            )
        )
        people = one.digits[pens[-1]].by_person
        worst = sorted(people, key=lambda person: (people[person].value, -people[person].of))
        flawless = sum(share.count == share.of for share in people.values())
        median = float(np.median([share.value for share in people.values()]))
        rows = [[person, _percent(people[person])] for person in worst[:WORST_PEOPLE]]
        parts.append(
            f"Of {len(people)} people, {flawless} were read without one error ({pens[-1]}); the "
            f"median is {100 * median:.1f} %. The hardest to read:\n"
        )
        parts.append(_table(["person", pens[-1]], rows))
    return "\n".join(parts)
