"""How else a hand could have drawn the same character: distortion of strokes, and styles.

MNIST was written by American pupils and clerks; its ones are bare, its sevens seldom crossed, its
zeros never slashed. Here strokes are bent as hands, pens and schools bend them, before they become
pixels, so that slant, proportion, tremor, gaps and pen lifts vary while the stroke stays a stroke.

Strokes here are float32 (points, 2), x to the right, y down, in any unit.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Stroke = NDArray[np.float32]
Rng = np.random.Generator


def distort(strokes: Sequence[Stroke], rng: Rng, *, strength: float = 1.0) -> list[Stroke]:
    """The same character by another hand; `strength` 0 changes nothing, 1 is as far as is legible.

    The longest side comes out as 1 before bending; only shape matters afterwards.
    """
    bent = _normalised([_resampled(stroke) for stroke in strokes if len(stroke)])
    bent = [_ends(stroke, rng, strength) for stroke in bent]
    bent = [_per_stroke(stroke, rng, strength) for stroke in bent] if len(bent) > 1 else bent
    bent = _proportions(bent, rng, strength)
    bent = _waves(bent, rng, strength)
    if rng.random() < 0.25 * strength:
        bent = [_cut_corners(stroke, rng) for stroke in bent]
    if rng.random() < 0.4:
        amount = abs(float(rng.normal(0, 0.009))) * strength
        bent = [_tremor(stroke, rng, amount) for stroke in bent]
    return _affine(bent, rng, strength)


# ---------------------------------------------------------------- what bends a stroke


def _normalised(strokes: Sequence[Stroke]) -> list[Stroke]:
    """Centred, longest side 1; a dot stays a dot."""
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    side = max(float((high - low).max()), 0.05)
    return [((stroke - (low + high) / 2) / side).astype(np.float32) for stroke in strokes]


def _resampled(stroke: Stroke, points: int = 32) -> Stroke:
    """Evenly spaced along the path, so that what follows does not depend on the tablet's clock."""
    steps = np.hypot(*np.diff(stroke, axis=0).T) if len(stroke) > 1 else np.zeros(0)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    if along[-1] <= 0:
        return stroke[:1].astype(np.float32)
    # A corner between two samples must stay a corner: the original points are kept as well.
    at = np.union1d(np.linspace(0, along[-1], points), along)
    return np.stack([np.interp(at, along, stroke[:, axis]) for axis in (0, 1)], 1).astype(
        np.float32
    )


def _ends(stroke: Stroke, rng: Rng, strength: float) -> Stroke:
    """Overshoot or stop short at either end, by at most a tenth of the stroke."""
    if len(stroke) < 6:
        return stroke
    for _ in range(2):  # each end in turn
        if rng.random() < 0.4:
            share = abs(float(rng.normal(0, 0.04))) * strength
            if rng.random() < 0.5:
                drop = min(int(share * len(stroke)), len(stroke) // 10)
                stroke = stroke[: len(stroke) - drop]
            else:
                direction = stroke[-1] - stroke[-4]
                length = max(float(np.hypot(*direction)), 1e-6)
                tip = stroke[-1] + direction / length * min(share, 0.1)
                stroke = np.concatenate([stroke, tip[None].astype(np.float32)])
        stroke = stroke[::-1]
    return stroke


def _per_stroke(stroke: Stroke, rng: Rng, strength: float) -> Stroke:
    """The pen comes down a little elsewhere, a little larger, a little turned."""
    middle = stroke.mean(0)
    angle = float(rng.normal(0, 0.06)) * strength
    size = float(np.exp(rng.normal(0, 0.06) * strength))
    shift = rng.normal(0, 0.025, 2) * strength
    return ((stroke - middle) @ _rotation(angle) * size + middle + shift).astype(np.float32)


def _proportions(strokes: list[Stroke], rng: Rng, strength: float) -> list[Stroke]:
    """Large heads, large feet, leaning bellies: each axis is warped by a power."""
    power = np.exp(rng.normal(0, 0.16, 2) * strength)
    warped = []
    for stroke in strokes:
        unit = np.clip(stroke + 0.5, 0, 1)
        beyond = stroke + 0.5 - unit  # overshoots keep their length
        warped.append((unit**power + beyond - 0.5).astype(np.float32))
    return warped


def _waves(strokes: list[Stroke], rng: Rng, strength: float) -> list[Stroke]:
    """A smooth displacement of the plane: the elastic distortion, applied to ink and not pixels."""
    count = 4
    frequency = rng.normal(0, 0.9, (count, 2))  # waves across the character
    phase = rng.uniform(0, 2 * np.pi, count)
    amount = rng.normal(0, 0.022, (count, 2)) * strength
    return [
        (stroke + np.sin(2 * np.pi * stroke @ frequency.T + phase) @ amount).astype(np.float32)
        for stroke in strokes
    ]


def _cut_corners(stroke: Stroke, rng: Rng) -> Stroke:
    """A quick hand or a slow tablet: few points, joined straight or through their midpoints."""
    if len(stroke) < 12:
        return stroke
    keep = int(rng.integers(9, 20))
    few = stroke[np.unique(np.linspace(0, len(stroke) - 1, keep).astype(int))]
    if rng.random() < 0.5:
        return few
    return np.concatenate([few[:1], (few[:-1] + few[1:]) / 2, few[-1:]])


def _tremor(stroke: Stroke, rng: Rng, amount: float) -> Stroke:
    if len(stroke) < 4:
        return stroke
    noise = rng.normal(0, 1, (len(stroke) + 4, 2))
    smooth = sum(noise[i : i + len(stroke)] for i in range(5)) / np.sqrt(5)
    return (stroke + smooth * amount).astype(np.float32)


def _affine(strokes: list[Stroke], rng: Rng, strength: float) -> list[Stroke]:
    """Slant, aspect, rotation. Slants beyond 30 degrees and turns beyond 15 are drawn seldom."""
    slant = float(rng.normal(0, 0.22)) * strength
    aspect = float(np.exp(np.clip(rng.normal(0, 0.18), -0.45, 0.45) * strength))
    angle = float(np.clip(rng.normal(0, 0.11), -0.3, 0.3)) * strength
    matrix = np.array([[aspect, 0.0], [-slant, 1.0]]) @ _rotation(angle)
    return [(stroke @ matrix).astype(np.float32) for stroke in strokes]


def _rotation(angle: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine], [-sine, cosine]])


# ---------------------------------------------------------------- styles that MNIST lacks


def _line(*points: tuple[float, float]) -> Stroke:
    return np.array(points, np.float32)


def _arc(
    cx: float, cy: float, rx: float, ry: float, start: float, end: float, points: int = 24
) -> Stroke:
    """Part of an ellipse; angles in degrees, 0 to the right, growing clockwise (y is down)."""
    angle = np.radians(np.linspace(start, end, points))
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], 1).astype(np.float32)


def flagged_one(rng: Rng) -> list[Stroke]:
    """1 with an upstroke, as on the European continent; half of them with a foot."""
    wide = float(rng.uniform(0.12, 0.45))
    steep = float(rng.uniform(0.65, 1.7))  # below this the flag is a seven's bar
    flag = (-wide, min(wide * steep, 0.6))
    stem = [_line(flag, (0, 0), (0, 1))]
    if rng.random() < 0.2:  # the pen lifted between flag and stem
        stem = [_line(flag, (0, 0)), _line((0, 0), (0, 1))]
    return stem + ([_foot(rng)] if rng.random() < 0.5 else [])


def footed_one(rng: Rng) -> list[Stroke]:
    """A bare stem on a foot."""
    return [_line((0, 0), (0, 1)), _foot(rng)]


def _foot(rng: Rng) -> Stroke:
    return _line((-float(rng.uniform(0.12, 0.4)), 1), (float(rng.uniform(0.12, 0.4)), 1))


def crossed_seven(rng: Rng) -> list[Stroke]:
    """7 with a bar through its stem, some with a serif at the left."""
    wide = float(rng.uniform(0.4, 0.8))
    foot = float(rng.uniform(0.0, 0.6)) * wide
    bend = float(rng.uniform(-0.08, 0.08))
    body = [(0.0, 0.0), (wide, 0.0), ((wide + foot) / 2 + bend, 0.5), (foot, 1.0)]
    if rng.random() < 0.3:
        body.insert(0, (0.0, float(rng.uniform(0.1, 0.25))))
    strokes = [_line(*body)]
    if rng.random() < 0.75:
        half = float(rng.uniform(0.12, 0.3))
        height = float(rng.uniform(0.4, 0.6))
        at = wide + (foot - wide) * height
        tilt = float(rng.uniform(-0.08, 0.08))
        strokes.append(_line((at - half, height + tilt), (at + half, height - tilt)))
    return strokes


def slashed_zero(rng: Rng) -> list[Stroke]:
    """0 with a stroke through it, from lower left to upper right, inside or beyond."""
    wide = float(rng.uniform(0.3, 0.45))
    start = float(rng.uniform(-120, -60))
    ring = _arc(0, 0.5, wide, 0.5, start, start + float(rng.choice([360, -360])))
    reach = float(rng.uniform(0.55, 1.25))
    return [
        ring,
        _line((-wide * reach * 0.8, 0.5 + 0.4 * reach), (wide * reach * 0.8, 0.5 - 0.4 * reach)),
    ]


def open_four(rng: Rng) -> list[Stroke]:
    """4 whose top stays open; the stem is its own stroke or the last part of the same."""
    wide = float(rng.uniform(0.4, 0.7))
    bar = float(rng.uniform(0.45, 0.7))
    lean = float(rng.uniform(-0.05, 0.2))
    beyond = float(rng.uniform(0.0, 0.25))
    stem_x = wide * float(rng.uniform(0.7, 1.0))
    top = float(rng.uniform(-0.1, 0.3))
    left = _line((lean, 0), (0, bar), (wide + beyond, bar))
    return [left, _line((stem_x + 0.03, top), (stem_x, 1))]


def open_eight(rng: Rng) -> list[Stroke]:
    """8 in one stroke whose ends do not meet at the top."""
    head, belly = float(rng.uniform(0.22, 0.3)), float(rng.uniform(0.26, 0.36))
    gap = float(rng.uniform(12, 55))
    middle = float(rng.uniform(0.42, 0.52))
    top = _arc(0, middle / 2, head, middle / 2, -90 + gap, -270)  # over the left, down to the waist
    lower = _arc(0, (1 + middle) / 2, belly, (1 - middle) / 2, -90, 270)  # right, round, back
    back = _arc(0, middle / 2, head, middle / 2, 90, -90 + gap / 3)[::1]  # up the right side
    strokes = [np.concatenate([top, lower, back[: int(rng.integers(14, 22))]])]
    return strokes if rng.random() < 0.5 else [stroke * np.float32([-1, 1]) for stroke in strokes]


def stacked_eight(rng: Rng) -> list[Stroke]:
    """8 as two rings, one on the other, touching more or less."""
    head, belly = float(rng.uniform(0.18, 0.32)), float(rng.uniform(0.24, 0.36))
    waist = float(rng.uniform(0.4, 0.5))
    slip = float(rng.uniform(-0.03, 0.04))
    first, second = rng.uniform(0, 360, 2)
    return [
        _arc(0, waist / 2, head, waist / 2, first, first + 360 + float(rng.uniform(-20, 20))),
        _arc(0, (1 + waist) / 2 + slip, belly, (1 - waist) / 2, second, second + 360),
    ]


def straight_nine(rng: Rng) -> list[Stroke]:
    """9 with a straight or hooked tail from the right of its ring."""
    ring = _arc(0, 0.27, float(rng.uniform(0.22, 0.34)), 0.27, 0, -float(rng.uniform(330, 400)))
    right = float(ring[:, 0].max())
    tail = [(right, 0.2), (right + float(rng.uniform(-0.15, 0.06)), 1.0)]
    if rng.random() < 0.3:
        tail.append((tail[-1][0] - float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.85, 1.0))))
    if rng.random() < 0.5:
        return [np.concatenate([ring, _line(*tail)])]
    return [ring, _line(*tail)]


def boxy_five(rng: Rng) -> list[Stroke]:
    """5 with its bar as a stroke of its own, not always meeting the body."""
    wide = float(rng.uniform(0.3, 0.5))
    waist = float(rng.uniform(0.38, 0.5))
    start = float(rng.uniform(-115, -75))
    belly = _arc(0.12, (1 + waist) / 2, wide, (1 - waist) / 2, start, float(rng.uniform(110, 170)))
    body = np.concatenate([_line((-0.1, 0), (-0.14, waist)), belly])
    shift = float(rng.uniform(-0.06, 0.06))
    return [body, _line((-0.1 + shift, shift / 2), (wide + float(rng.uniform(-0.15, 0.15)), shift))]


STYLES: dict[str, Sequence[Callable[[Rng], list[Stroke]]]] = {
    "0": (slashed_zero,),
    "1": (flagged_one, flagged_one, footed_one),
    "4": (open_four,),
    "5": (boxy_five,),
    "7": (crossed_seven,),
    "8": (open_eight, stacked_eight),
    "9": (straight_nine,),
}


def in_style(label: str, rng: Rng) -> list[Stroke]:
    """A digit of `label` in one of its styles.

    Raises:
        KeyError: `label` has no style here (see STYLES).
    """
    makers = STYLES[label]
    return makers[int(rng.integers(len(makers)))](rng)


def with_style(strokes: Sequence[Stroke], label: str, rng: Rng) -> list[Stroke]:
    """Somebody's own digit given a style: a bar through a 7, a slash through a 0, an 8 left open.

    Digits without such a style come back as they are.
    """
    shape = _normalised(list(strokes))
    points = np.concatenate(shape)
    low, high = points.min(0), points.max(0)
    if label == "0":
        reach = float(rng.uniform(0.3, 0.6))
        half = (high - low) * reach * np.float32([0.8, 0.9])
        return [*shape, _line((-half[0], half[1]), (half[0], -half[1]))]
    if label == "7" and len(shape) == 1:
        rows = points[(points[:, 1] > -0.12) & (points[:, 1] < 0.22)]
        if len(rows):
            at, half = rows[int(rng.integers(len(rows)))], float(rng.uniform(0.12, 0.28))
            tilt = float(rng.uniform(-0.06, 0.06))
            return [*shape, _line((at[0] - half, at[1] + tilt), (at[0] + half, at[1] - tilt))]
    if label == "8" and len(shape) == 1 and len(shape[0]) > 20 and shape[0][0, 1] < -0.15:
        drop = max(1, int(len(shape[0]) * float(rng.uniform(0.02, 0.09))))
        return [shape[0][drop : len(shape[0]) - drop]]
    return shape
