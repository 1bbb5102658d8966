"""Negatives: drawings that are not digits, for the eleventh class and for the evaluation.

The letters of the data set alone would teach a network those letters only. What visitors may draw
is open-ended, so the breadth is generated (outlier exposure; Hendrycks, Mazeika and Dietterich,
2019): symbols, digits rotated or mirrored until they are not digits, several digits at once, two
characters on top of each other, scribbles, dots and lines. Nothing that a reader would take for a
digit is generated, such as an upright line or a mirrored 2.
"""

from collections.abc import Callable, Sequence

import numpy as np

from training.data import symbols
from training.data.pen_strokes import PenDrawing
from training.data.strokes import Rng, Stroke, float32, polyline

# Quarter turns clockwise after which a digit is not a digit. 0, 1 and 8 stay digits; 2 and 5 turn
# into each other (or Z and S) when mirrored, and 6 and 9 when turned upside down.
QUARTER_TURNS = {
    "2": (1, 3),
    "3": (1, 2, 3),
    "4": (1, 2, 3),
    "5": (1, 3),
    "6": (1, 3),
    "7": (1, 2),
    "9": (1, 3),
}
MIRRORED = ("3", "4", "6", "7", "9")  # digits whose mirror image is not a digit

# Kinds and how often each is generated. Symbols stand for all that nobody wrote, so they are the
# most frequent; dots and lines vary little, so they are few.
KINDS: dict[str, float] = {
    "symbol": 0.34,
    "turned": 0.18,
    "several": 0.18,
    "recombined": 0.10,
    "crossed out": 0.05,
    "scribble": 0.10,
    "lines": 0.03,
    "dots": 0.02,
}
# Kinds that are made from people's drawings; the others are generated.
FROM_DRAWINGS = frozenset({"turned", "several", "recombined", "crossed out"})


def negative(
    kind: str, *, digits: Sequence[PenDrawing], letters: Sequence[PenDrawing], rng: Rng
) -> list[Stroke]:
    """Return one drawing of a kind named in KINDS, made from the given drawings or by chance.

    Raises:
        KeyError: KINDS has no such kind.
    """
    makers: dict[str, Callable[[], list[Stroke]]] = {
        "symbol": lambda: symbols.random_symbol(rng),
        "turned": lambda: turned_digit(digits, rng),
        "several": lambda: several_digits(digits, rng),
        "recombined": lambda: recombined(letters if rng.random() < 0.5 else digits, rng),
        "crossed out": lambda: crossed_out(digits, rng),
        "scribble": lambda: scribble(rng),
        "lines": lambda: lines(rng),
        "dots": lambda: dots(rng),
    }
    return makers[kind]()


def turned_digit(digits: Sequence[PenDrawing], rng: Rng) -> list[Stroke]:
    """Return a digit rotated by quarter turns or mirrored, where that is not another digit.

    Raises:
        ValueError: every one of the digits stays a digit.
    """
    if not any(digit.label in QUARTER_TURNS for digit in digits):
        raise ValueError("none of the digits can be turned: all of them are 0, 1 or 8")
    while True:
        drawing = _pick(digits, rng)
        if drawing.label in MIRRORED and rng.random() < 0.4:
            return [stroke * float32([-1, 1]) for stroke in drawing.strokes]
        if drawing.label in QUARTER_TURNS:
            turns = int(rng.choice(QUARTER_TURNS[drawing.label]))
            matrix = np.linalg.matrix_power(float32([[0, 1], [-1, 0]]), turns)
            return [float32(stroke @ matrix) for stroke in drawing.strokes]


def several_digits(digits: Sequence[PenDrawing], rng: Rng) -> list[Stroke]:
    """Return two to four digits in a row, sometimes touching, one in ten times in a column."""
    count = int(rng.choice([2, 2, 2, 3, 3, 4]))
    in_column = rng.random() < 0.1
    strokes: list[Stroke] = []
    at = 0.0
    for _ in range(count):
        drawing = _pick(digits, rng)
        while in_column and drawing.label == "1":  # a column of ones would be one long line
            drawing = _pick(digits, rng)
        part = _in_unit_square(drawing.strokes)
        size = float(rng.uniform(0.8, 1.2))
        width = max(float(np.concatenate(part)[:, int(in_column)].max()) * size, 0.25)
        shift = float32([0, at] if in_column else [at, rng.uniform(-0.15, 0.15)])
        strokes += [stroke * np.float32(size) + shift for stroke in part]
        at += width + float(rng.uniform(-0.05, 0.35))
    return strokes


def recombined(drawings: Sequence[PenDrawing], rng: Rng) -> list[Stroke]:
    """Return two characters on top of each other, one of them rotated."""
    first = _in_unit_square(_pick(drawings, rng).strokes)
    second = _in_unit_square(_pick(drawings, rng).strokes)
    angle = float(rng.uniform(0.5, 5.8))
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shift = rng.uniform(-0.4, 0.4, 2)
    return first + [
        float32((stroke - 0.5) @ matrix * float(rng.uniform(0.6, 1.2)) + 0.5 + shift)
        for stroke in second
    ]


def crossed_out(digits: Sequence[PenDrawing], rng: Rng) -> list[Stroke]:
    """Return a digit that is crossed out by a cross, a zigzag or several bars."""
    strokes = _in_unit_square(_pick(digits, rng).strokes)
    high = np.concatenate(strokes).max(0)
    kind = int(rng.integers(3))
    if kind == 0:
        cross = float32([[-0.15, -0.1], [1.15, 1.1]])
        return [*strokes, cross * high, (cross * float32([1, -1]) + float32([0, 1])) * high]
    turns = int(rng.integers(5, 10))
    x = np.where(np.arange(turns) % 2, 1.2, -0.2) + rng.normal(0, 0.08, turns)
    y = np.linspace(0.1, 0.9, turns) + rng.normal(0, 0.05, turns)
    path = float32(np.stack([x, y], 1) * np.maximum(high, 0.5))
    if kind == 1:
        return [*strokes, path]
    return [*strokes, *(path[i : i + 2] for i in range(0, turns - 1, 2))]


def scribble(rng: Rng) -> list[Stroke]:
    """Return a random walk, loops, a zigzag, or lines between random points."""
    kind = int(rng.integers(4))
    if kind == 0:  # a smooth random walk
        steps = int(rng.integers(80, 160))
        turn = np.cumsum(rng.normal(0, 0.35, steps)) + np.cumsum(rng.normal(0, 0.5)) * 0.1
        pace = rng.uniform(0.5, 1.5, steps)
        return [float32(np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1) * pace[:, None], 0))]
    if kind == 1:  # loops
        t = np.linspace(0, 2 * np.pi * float(rng.uniform(3, 7)), 120)
        drift = rng.normal(0, 0.08, 2)
        wide = rng.uniform(0.3, 1.0, 2) * (1 + 0.2 * np.sin(t[:, None] * rng.uniform(0.2, 0.7, 2)))
        return [float32(np.stack([np.cos(t), np.sin(t)], 1) * wide + t[:, None] * drift)]
    if kind == 2:  # a zigzag
        turns = int(rng.integers(6, 16))
        x = np.linspace(0, float(rng.uniform(0.4, 2)), turns) + rng.normal(0, 0.05, turns)
        y = (np.arange(turns) % 2) + rng.normal(0, 0.12, turns)
        path = float32(np.stack([x, y], 1))
        return [path if rng.random() < 0.7 else path[:, ::-1].copy()]
    corners = float32(rng.uniform(0, 1, (int(rng.integers(6, 14)), 2)))
    if rng.random() < 0.5:
        return [corners]
    return [corners[: len(corners) // 2], corners[len(corners) // 2 :]]


def dots(rng: Rng) -> list[Stroke]:
    """Return one to six dots."""
    count = int(rng.choice([1, 1, 2, 3, 4, 6]))
    return [float32(at) for at in rng.uniform(0, 1, (count, 1, 2))]


def lines(rng: Rng) -> list[Stroke]:
    """Return a flat line, a falling line, or two to four bars; an upright line would be a 1."""
    kind = int(rng.integers(4))
    if kind < 2:
        # Within 14 degrees of flat, or falling to the right by 26 to 49 degrees.
        angle = float(rng.uniform(-0.25, 0.25) if kind == 0 else rng.uniform(0.45, 0.85))
        return [polyline((0, 0), (np.cos(angle), np.sin(angle)))]
    count = int(rng.integers(2, 5))
    gap = float(rng.uniform(0.2, 0.5))
    bars = [polyline((0, i * gap), (1, i * gap)) for i in range(count)]
    return bars if kind == 2 else [bar[:, ::-1].copy() for bar in bars]


def _pick(drawings: Sequence[PenDrawing], rng: Rng) -> PenDrawing:
    return drawings[int(rng.integers(len(drawings)))]


def _in_unit_square(strokes: Sequence[Stroke]) -> list[Stroke]:
    """Return the strokes with their upper left corner at 0 and a longest side of 1."""
    points = np.concatenate(list(strokes))
    low = points.min(0)
    side = max(float((points.max(0) - low).max()), 1e-6)
    return [float32((stroke - low) / side) for stroke in strokes]
