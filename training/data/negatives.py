"""Drawings that are no digit, for the eleventh class to learn from and for the evaluation.

Letters alone teach a network to know those letters. What a visitor may draw has no list, so the
breadth is made here (outlier exposure; Hendrycks, Mazeika and Dietterich, 2019): symbols, other
letters as bare shapes, digits turned or mirrored until they are none, several digits at once,
strokes of different characters put together, scribbles, dots and lines. Nothing is made that a
reader would call a digit: no O, S, Z, I, l, q, g, b, B, D, G, no upright line, no mirrored 2 or 5.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.pen_strokes import PenDrawing

Stroke = NDArray[np.float32]
Strokes = list[Stroke]
Rng = np.random.Generator

# Quarter turns clockwise, and mirroring, after which a digit is one no more. 0, 1 and 8 stay
# digits, 2 and 5 become each other (or Z and S), 6 and 9 become each other upside down.
QUARTERS = {
    "2": (1, 3),
    "3": (1, 2, 3),
    "4": (1, 2, 3),
    "5": (1, 3),
    "6": (1, 3),
    "7": (1, 2),
    "9": (1, 3),
}
MIRRORED = ("3", "4", "6", "7", "9")


def _unit(strokes: Sequence[Stroke]) -> Strokes:
    """Upper left corner at 0, longest side 1."""
    points = np.concatenate(list(strokes))
    low = points.min(0)
    side = max(float((points.max(0) - low).max()), 1e-6)
    return [((stroke - low) / side).astype(np.float32) for stroke in strokes]


def _pick(drawings: Sequence[PenDrawing], rng: Rng) -> PenDrawing:
    return drawings[int(rng.integers(len(drawings)))]


# ---------------------------------------------------------------- from people's own strokes


def turned_digit(digits: Sequence[PenDrawing], rng: Rng) -> Strokes:
    """A digit on its side, upside down or in the mirror, where that is no other digit."""
    while True:
        drawing = _pick(digits, rng)
        strokes = [stroke.astype(np.float32) for stroke in drawing.strokes]
        if drawing.label in MIRRORED and rng.random() < 0.4:
            return [stroke * np.float32([-1, 1]) for stroke in strokes]
        if drawing.label in QUARTERS:
            turns = int(rng.choice(QUARTERS[drawing.label]))
            matrix = np.linalg.matrix_power(np.array([[0, 1], [-1, 0]], np.float32), turns)
            return [stroke @ matrix for stroke in strokes]


def several_digits(digits: Sequence[PenDrawing], rng: Rng) -> Strokes:
    """Two to four digits in a row, sometimes touching, sometimes one below another."""
    count = int(rng.choice([2, 2, 2, 3, 3, 4]))
    downwards = rng.random() < 0.1  # never ones alone: those would be one long line
    strokes: Strokes = []
    at = 0.0
    for _ in range(count):
        drawing = _pick(digits, rng)
        while downwards and drawing.label == "1":
            drawing = _pick(digits, rng)
        part = _unit(drawing.strokes)
        size = float(rng.uniform(0.8, 1.2))
        width = max(float(np.concatenate(part)[:, int(downwards)].max()) * size, 0.25)
        shift = np.float32([0, at] if downwards else [at, rng.uniform(-0.15, 0.15)])
        strokes += [stroke * np.float32(size) + shift for stroke in part]
        at += width + float(rng.uniform(-0.05, 0.35))
    return strokes


def recombined(drawings: Sequence[PenDrawing], rng: Rng) -> Strokes:
    """Two whole characters over each other, one of them turned."""
    first = _unit(_pick(drawings, rng).strokes)
    second = _unit(_pick(drawings, rng).strokes)
    angle = float(rng.uniform(0.5, 5.8))
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shift = rng.uniform(-0.4, 0.4, 2)
    return first + [
        ((stroke - 0.5) @ matrix * float(rng.uniform(0.6, 1.2)) + 0.5 + shift).astype(np.float32)
        for stroke in second
    ]


def crossed_out(digits: Sequence[PenDrawing], rng: Rng) -> Strokes:
    """A digit that its writer has taken back, by a cross, a zigzag or several bars."""
    strokes = _unit(_pick(digits, rng).strokes)
    high = np.concatenate(strokes).max(0)
    kind = int(rng.integers(3))
    if kind == 0:
        cross = np.float32([[-0.15, -0.1], [1.15, 1.1]])
        return [*strokes, cross * high, (cross * np.float32([1, -1]) + np.float32([0, 1])) * high]
    turns = int(rng.integers(5, 10))
    x = np.where(np.arange(turns) % 2, 1.2, -0.2) + rng.normal(0, 0.08, turns)
    y = np.linspace(0.1, 0.9, turns) + rng.normal(0, 0.05, turns)
    path = (np.stack([x, y], 1) * np.maximum(high, 0.5)).astype(np.float32)
    if kind == 1:
        return [*strokes, path]
    return [*strokes, *(path[i : i + 2] for i in range(0, turns - 1, 2))]


# ---------------------------------------------------------------- from nobody's hand


def scribble(rng: Rng) -> Strokes:
    """A hand that goes round and about."""
    kind = int(rng.integers(4))
    if kind == 0:  # a smooth random walk
        steps = int(rng.integers(80, 160))
        turn = np.cumsum(rng.normal(0, 0.35, steps)) + np.cumsum(rng.normal(0, 0.5)) * 0.1
        pace = rng.uniform(0.5, 1.5, steps)
        return [
            np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1) * pace[:, None], 0).astype(
                np.float32
            )
        ]
    if kind == 1:  # many loops
        t = np.linspace(0, 2 * np.pi * float(rng.uniform(3, 7)), 120)
        drift = rng.normal(0, 0.08, 2)
        wide = rng.uniform(0.3, 1.0, 2) * (1 + 0.2 * np.sin(t[:, None] * rng.uniform(0.2, 0.7, 2)))
        return [
            (np.stack([np.cos(t), np.sin(t)], 1) * wide + t[:, None] * drift).astype(np.float32)
        ]
    if kind == 2:  # a zigzag
        turns = int(rng.integers(6, 16))
        x = np.linspace(0, float(rng.uniform(0.4, 2)), turns) + rng.normal(0, 0.05, turns)
        y = (np.arange(turns) % 2) + rng.normal(0, 0.12, turns)
        path = np.stack([x, y], 1).astype(np.float32)
        return [path if rng.random() < 0.7 else path[:, ::-1].copy()]
    corners = rng.uniform(0, 1, (int(rng.integers(6, 14)), 2)).astype(np.float32)
    return (
        [corners]
        if rng.random() < 0.5
        else [corners[: len(corners) // 2], corners[len(corners) // 2 :]]
    )


def dots(rng: Rng) -> Strokes:
    """One to six dots: a tap is no digit."""
    count = int(rng.choice([1, 1, 2, 3, 4, 6]))
    return [at.astype(np.float32) for at in rng.uniform(0, 1, (count, 1, 2))]


def lines(rng: Rng) -> Strokes:
    """Lying lines, backslashes, two or more bars: an upright or forward-leaning one is a 1."""
    kind = int(rng.integers(4))
    if kind == 0:
        angle = float(rng.uniform(-0.25, 0.25))
        return [np.float32([[0, 0], [np.cos(angle), np.sin(angle)]])]
    if kind == 1:
        angle = float(rng.uniform(0.45, 0.85))  # falls to the right at 26 to 49 degrees
        return [np.float32([[0, 0], [np.cos(angle), np.sin(angle)]])]
    count = int(rng.integers(2, 5))
    gap = float(rng.uniform(0.2, 0.5))
    bars = [np.float32([[0, i * gap], [1, i * gap]]) for i in range(count)]
    return bars if kind == 2 else [bar[:, ::-1].copy() for bar in bars]


# Bare shapes as polylines on a unit square, y down; "~" before a name marks one that may be drawn
# through its midpoints as a curve. Letters here are no digit's double and none of those that the
# evaluation keeps unseen (training/pen_strokes.py: HELD_OUT_LETTERS).
SHAPES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "A": (((0, 1), (0.5, 0), (1, 1)), ((0.2, 0.6), (0.8, 0.6))),
    "A round": (((0, 1), (0.1, 0.3), (0.5, 0), (0.9, 0.3), (1, 1)), ((0.05, 0.6), (0.95, 0.6))),
    "~C": (((0.9, 0.15), (0.6, 0), (0.2, 0.1), (0, 0.5), (0.2, 0.9), (0.6, 1), (0.9, 0.85)),),
    "J barred": (((0.2, 0), (1, 0)), ((0.65, 0), (0.65, 0.8), (0.4, 1), (0.1, 0.95), (0, 0.75))),
    "~J": (((0.7, 0), (0.7, 0.75), (0.5, 1), (0.15, 0.95), (0, 0.7)),),
    "P": (((0, 1), (0, 0), (0.4, 0), (0.6, 0.12), (0.6, 0.35), (0.4, 0.5), (0, 0.5)),),
    "~p": (
        ((0, 0), (0, 1)),
        ((0, 0.1), (0.3, 0), (0.55, 0.15), (0.5, 0.45), (0.2, 0.55), (0, 0.4)),
    ),
    "T": (((0, 0), (1, 0)), ((0.5, 0), (0.5, 1))),
    "T tall": (((0, 0), (0.7, 0)), ((0.35, 0), (0.35, 1.2))),
    "~t": (((0.4, 0), (0.4, 0.8), (0.55, 1), (0.8, 0.9)), ((0.1, 0.3), (0.8, 0.3))),
    "t": (((0.4, 0), (0.4, 1)), ((0.1, 0.3), (0.75, 0.3))),
    "~U": (((0, 0), (0, 0.7), (0.2, 1), (0.6, 1), (0.8, 0.7), (0.8, 0)),),
    "~u": (
        ((0, 0), (0, 0.7), (0.25, 1), (0.6, 0.9), (0.8, 0.6)),
        ((0.8, 0), (0.8, 0.8), (0.95, 1)),
    ),
    "Y": (((0, 0), (0.5, 0.5)), ((1, 0), (0.5, 0.5), (0.5, 1))),
    "~a": (
        ((0.7, 0.2), (0.4, 0), (0.05, 0.3), (0.05, 0.8), (0.35, 1), (0.7, 0.7), (0.7, 0.1)),
        ((0.7, 0.1), (0.7, 0.85), (0.9, 1)),
    ),
    "~Q": (
        (
            (0.5, 0),
            (0.1, 0.15),
            (0, 0.5),
            (0.1, 0.85),
            (0.5, 1),
            (0.9, 0.85),
            (1, 0.5),
            (0.9, 0.15),
            (0.5, 0),
        ),
        ((0.55, 0.6), (1.1, 1.15)),
    ),
    "i": (((0.1, 0.35), (0.1, 1)), ((0.1, 0), (0.11, 0.01))),
    "~j": (((0.5, 0.3), (0.5, 0.9), (0.3, 1.2), (0, 1.1)), ((0.5, 0), (0.51, 0.01))),
    "plus": (((0, 0.5), (1, 0.5)), ((0.5, 0), (0.5, 1))),
    "times": (((0, 0), (1, 1)), ((1, 0), (0, 1))),
    "divide": (((0, 0.5), (1, 0.5)), ((0.5, 0.15), (0.51, 0.16)), ((0.5, 0.85), (0.51, 0.86))),
    "percent": (
        ((1, 0), (0, 1)),
        ((0.1, 0), (0, 0.15), (0.2, 0.2), (0.1, 0)),
        ((0.9, 0.8), (0.8, 0.95), (1, 1), (0.9, 0.8)),
    ),
    "less": (((1, 0), (0, 0.5), (1, 1)),),
    "check": (((0, 0.6), (0.35, 1), (1, 0)),),
    "caret": (((0, 1), (0.5, 0), (1, 1)),),
    "arrow right": (((0, 0.5), (1, 0.5)), ((0.7, 0.2), (1, 0.5), (0.7, 0.8))),
    "arrow left": (((1, 0.5), (0, 0.5)), ((0.3, 0.2), (0, 0.5), (0.3, 0.8))),
    "arrow up": (((0.5, 1), (0.5, 0)), ((0.15, 0.35), (0.5, 0), (0.85, 0.35))),
    "arrow down": (((0.5, 0), (0.5, 1)), ((0.15, 0.65), (0.5, 1), (0.85, 0.65))),
    "triangle": (((0.5, 0), (1, 1), (0, 1), (0.5, 0)),),
    "triangle down": (((0, 0), (1, 0), (0.5, 1), (0, 0)),),
    "star": (((0.2, 1), (0.5, 0), (0.8, 1), (0, 0.38), (1, 0.38), (0.2, 1)),),
    "asterisk": (((0.5, 0), (0.5, 1)), ((0.05, 0.25), (0.95, 0.75)), ((0.95, 0.25), (0.05, 0.75))),
    "hash": (
        ((0.3, 0), (0.25, 1)),
        ((0.75, 0), (0.7, 1)),
        ((0, 0.3), (1, 0.3)),
        ((0, 0.7), (1, 0.7)),
    ),
    "~heart": (
        (
            (0.5, 0.3),
            (0.3, 0),
            (0, 0.1),
            (0, 0.45),
            (0.5, 1),
            (1, 0.45),
            (1, 0.1),
            (0.7, 0),
            (0.5, 0.3),
        ),
    ),
    "~question": (
        ((0, 0.2), (0.1, 0), (0.5, 0), (0.6, 0.25), (0.3, 0.5), (0.3, 0.7)),
        ((0.3, 0.98), (0.31, 0.99)),
    ),
    "exclamation": (((0.1, 0), (0.1, 0.7)), ((0.1, 0.98), (0.11, 0.99))),
    "house": (((0, 1), (0, 0.4), (0.5, 0), (1, 0.4), (1, 1), (0, 1)),),
    "door": (((0, 1), (0, 0), (1, 0), (1, 1)),),
    "gamma": (((0, 1), (0, 0), (0.8, 0)),),
    "~infinity": (
        (
            (0.5, 0.2),
            (0.2, 0),
            (0, 0.2),
            (0.2, 0.4),
            (0.5, 0.2),
            (0.8, 0),
            (1, 0.2),
            (0.8, 0.4),
            (0.5, 0.2),
        ),
    ),
    "~wave": (((0, 0.2), (0.2, 0), (0.4, 0.2), (0.6, 0.4), (0.8, 0.2), (1, 0)),),
    "~smile": (
        (
            (0.5, 0),
            (0.1, 0.15),
            (0, 0.5),
            (0.1, 0.85),
            (0.5, 1),
            (0.9, 0.85),
            (1, 0.5),
            (0.9, 0.15),
            (0.5, 0),
        ),
        ((0.3, 0.35), (0.31, 0.36)),
        ((0.7, 0.35), (0.71, 0.36)),
        ((0.25, 0.65), (0.5, 0.8), (0.75, 0.65)),
    ),
    "stairs": (((0, 1), (0.33, 1), (0.33, 0.66), (0.66, 0.66), (0.66, 0.33), (1, 0.33), (1, 0)),),
    "pi": (((0, 0.1), (1, 0.1)), ((0.3, 0.1), (0.2, 1)), ((0.7, 0.1), (0.75, 1))),
    "psi": (((0, 0), (0.1, 0.5), (0.5, 0.65), (0.9, 0.5), (1, 0)), ((0.5, 0), (0.5, 1))),
    "~omega": (
        (
            (0, 1),
            (0.3, 1),
            (0.05, 0.6),
            (0.1, 0.2),
            (0.5, 0),
            (0.9, 0.2),
            (0.95, 0.6),
            (0.7, 1),
            (1, 1),
        ),
    ),
    "sum": (((0.9, 0), (0, 0), (0.5, 0.5), (0, 1), (0.9, 1)),),
    "bracket": (((0.5, 0), (0, 0), (0, 1), (0.5, 1)),),
    "~euro": (
        ((0.9, 0.15), (0.6, 0), (0.25, 0.1), (0.1, 0.5), (0.25, 0.9), (0.6, 1), (0.9, 0.85)),
        ((-0.1, 0.4), (0.6, 0.4)),
        ((-0.1, 0.6), (0.55, 0.6)),
    ),
    "~at": (
        (
            (0.65, 0.4),
            (0.45, 0.35),
            (0.35, 0.5),
            (0.45, 0.65),
            (0.65, 0.6),
            (0.65, 0.35),
            (0.75, 0.65),
            (0.95, 0.5),
            (0.85, 0.1),
            (0.5, 0),
            (0.1, 0.15),
            (0, 0.5),
            (0.1, 0.85),
            (0.5, 1),
            (0.85, 0.9),
        ),
    ),
}


def symbol(rng: Rng) -> Strokes:
    """One of SHAPES, its corners moved a little, leaned, stretched, curved where it may be."""
    names = tuple(SHAPES)
    return shape(names[int(rng.integers(len(names)))], rng)


def shape(name: str, rng: Rng) -> Strokes:
    """The named one of SHAPES, as one hand might draw it."""
    curved = name.startswith("~")
    aspect = np.float32([np.exp(rng.normal(0, 0.15)), 1])
    strokes = []
    for corners in SHAPES[name]:
        path = np.float32(corners)
        path = path + rng.normal(0, 0.03, path.shape).astype(np.float32)
        if curved and len(path) > 2:
            for _ in range(2):  # Chaikin's corner cutting
                path = np.concatenate(
                    [
                        path[:1],
                        np.stack(
                            [
                                path[:-1] * 0.75 + path[1:] * 0.25,
                                path[:-1] * 0.25 + path[1:] * 0.75,
                            ],
                            1,
                        ).reshape(-1, 2),
                        path[-1:],
                    ]
                )
        strokes.append((path * aspect).astype(np.float32))
    return strokes


# How often each is made, when outliers are drawn at random. Symbols stand for the letters that
# nobody wrote here, so they are the most; dots and lines are few and soon known.
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


def outlier(
    kind: str, *, digits: Sequence[PenDrawing], letters: Sequence[PenDrawing], rng: Rng
) -> Strokes:
    """One drawing of a kind named in KINDS.

    Raises:
        KeyError: no such kind.
    """
    makers: dict[str, Callable[[], Strokes]] = {
        "symbol": lambda: symbol(rng),
        "turned": lambda: turned_digit(digits, rng),
        "several": lambda: several_digits(digits, rng),
        "recombined": lambda: recombined(letters if rng.random() < 0.5 else digits, rng),
        "crossed out": lambda: crossed_out(digits, rng),
        "scribble": lambda: scribble(rng),
        "lines": lambda: lines(rng),
        "dots": lambda: dots(rng),
    }
    return makers[kind]()
