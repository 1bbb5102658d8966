"""Styles of digits that the writers of MNIST and of most laboratories seldom used.

Each maker returns strokes in a unit of about the digit's height, x to the right and y down.
"""

from collections.abc import Callable, Sequence

import numpy as np

from training.data.stroke_augmentation import normalised
from training.data.strokes import Rng, Stroke, arc, corners_cut, float32, polyline


def flagged_one(rng: Rng) -> list[Stroke]:
    """Return a 1 with an upstroke, as in continental Europe; half of them with a foot."""
    wide = float(rng.uniform(0.12, 0.45))
    steep = float(rng.uniform(0.65, 1.7))  # a flatter flag would make it a 7
    flag = (-wide, min(wide * steep, 0.6))
    stem = [polyline(flag, (0, 0), (0, 1))]
    if rng.random() < 0.2:  # with a pen lift between flag and stem
        stem = [polyline(flag, (0, 0)), polyline((0, 0), (0, 1))]
    return stem + ([_foot(rng)] if rng.random() < 0.5 else [])


def long_flagged_one(rng: Rng) -> list[Stroke]:
    """Return a narrow 1 whose upstroke is nearly as long as its stem, some rounded or looped."""
    wide = float(rng.uniform(0.12, 0.5))
    low = float(rng.uniform(0.45, 1.0)) if wide < 0.3 else float(rng.uniform(0.35, 0.7))
    lean = float(rng.uniform(-0.06, 0.1))
    path = polyline((-wide, low), (0, 0), (lean, 1))
    if rng.random() < 0.4:  # the pen goes round the top
        path = polyline((-wide, low), (-0.25 * wide, 0.12), (0.04, 0), (0.08, 0.15), (lean, 1))
        path = corners_cut(corners_cut(path))
    return [path]


def looped_one(rng: Rng) -> list[Stroke]:
    """Return a cursive 1: up, round a narrow loop and down, with or without a hook at the end."""
    wide, loop = float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.03, 0.1))
    start = float(rng.uniform(0.5, 0.95))
    path = [(-wide, start), (loop, 0.15), (loop * 0.6, 0.0), (-loop, 0.1), (-loop * 0.5, 0.9)]
    if rng.random() < 0.5:
        reach = float(rng.uniform(0.1, 0.3))
        path += [(0.0, 1.0), (reach, 1 - float(rng.uniform(0.0, 0.12)))]
    return [corners_cut(corners_cut(polyline(*path)))]


def footed_one(rng: Rng) -> list[Stroke]:
    """Return a 1 without a flag, on a foot."""
    return [polyline((0, 0), (0, 1)), _foot(rng)]


def _foot(rng: Rng) -> Stroke:
    return polyline((-float(rng.uniform(0.12, 0.4)), 1), (float(rng.uniform(0.12, 0.4)), 1))


def crossed_seven(rng: Rng) -> list[Stroke]:
    """Return a 7, most with a bar through the stem, some with a serif at the left."""
    wide = float(rng.uniform(0.4, 0.8))
    foot = float(rng.uniform(0.0, 0.6)) * wide
    bend = float(rng.uniform(-0.08, 0.08))
    body = [(0.0, 0.0), (wide, 0.0), ((wide + foot) / 2 + bend, 0.5), (foot, 1.0)]
    if rng.random() < 0.3:
        body.insert(0, (0.0, float(rng.uniform(0.1, 0.25))))
    strokes = [polyline(*body)]
    if rng.random() < 0.75:
        half = float(rng.uniform(0.12, 0.3))
        height = float(rng.uniform(0.4, 0.6))
        at = wide + (foot - wide) * height
        tilt = float(rng.uniform(-0.08, 0.08))
        strokes.append(polyline((at - half, height + tilt), (at + half, height - tilt)))
    return strokes


def slashed_zero(rng: Rng) -> list[Stroke]:
    """Return a 0 with a slash from lower left to upper right, some longer than the ring."""
    wide = float(rng.uniform(0.3, 0.45))
    start = float(rng.uniform(-120, -60))
    ring = arc(0, 0.5, wide, 0.5, start, start + float(rng.choice([360, -360])))
    reach = float(rng.uniform(0.55, 1.25))
    return [
        ring,
        polyline((-wide * reach * 0.8, 0.5 + 0.4 * reach), (wide * reach * 0.8, 0.5 - 0.4 * reach)),
    ]


def open_four(rng: Rng) -> list[Stroke]:
    """Return a 4 with an open top and the stem as a second stroke."""
    wide = float(rng.uniform(0.4, 0.7))
    bar = float(rng.uniform(0.45, 0.7))
    lean = float(rng.uniform(-0.05, 0.2))
    beyond = float(rng.uniform(0.0, 0.25))
    stem_x = wide * float(rng.uniform(0.7, 1.0))
    top = float(rng.uniform(-0.1, 0.3))
    left = polyline((lean, 0), (0, bar), (wide + beyond, bar))
    if rng.random() < 0.3:
        left = corners_cut(left)
    return [left, polyline((stem_x + 0.03, top), (stem_x, 1))]


def lightning_four(rng: Rng) -> list[Stroke]:
    """Return a 4 in one stroke: down to the left, to the right, and down."""
    wide = float(rng.uniform(0.35, 0.8))
    bar, tilt = float(rng.uniform(0.42, 0.68)), float(rng.uniform(-0.12, 0.1))
    top = wide * float(rng.uniform(0.25, 1.0))
    tail = (wide + float(rng.uniform(-0.25, 0.1)), 1.0)
    path = polyline((top, 0), (0, bar), (wide, bar + tilt), tail)
    if rng.random() < 0.5:  # before the stem the pen goes up a little
        rise = float(rng.uniform(0.05, 0.25))
        path = polyline((top, 0), (0, bar), (wide * 0.95, bar + tilt), (wide, bar - rise), tail)
    if rng.random() < 0.5:
        path = corners_cut(path)
    return [path]


def open_eight(rng: Rng) -> list[Stroke]:
    """Return an 8 in one stroke whose ends do not meet at the top."""
    head, belly = float(rng.uniform(0.22, 0.3)), float(rng.uniform(0.26, 0.36))
    gap = float(rng.uniform(12, 55))
    middle = float(rng.uniform(0.42, 0.52))
    top = arc(0, middle / 2, head, middle / 2, -90 + gap, -270)  # by the left down to the waist
    lower = arc(0, (1 + middle) / 2, belly, (1 - middle) / 2, -90, 270)  # right and around
    back = arc(0, middle / 2, head, middle / 2, 90, -90 + gap / 3)  # up the right side
    strokes = [np.concatenate([top, lower, back[: int(rng.integers(14, 22))]])]
    return strokes if rng.random() < 0.5 else [stroke * float32([-1, 1]) for stroke in strokes]


def stacked_eight(rng: Rng) -> list[Stroke]:
    """Return an 8 as two rings, one above the other, which may overlap or leave a gap."""
    head, belly = float(rng.uniform(0.18, 0.32)), float(rng.uniform(0.24, 0.36))
    waist = float(rng.uniform(0.4, 0.5))
    slip = float(rng.uniform(-0.03, 0.04))
    first, second = rng.uniform(0, 360, 2)
    return [
        arc(0, waist / 2, head, waist / 2, first, first + 360 + float(rng.uniform(-20, 20))),
        arc(0, (1 + waist) / 2 + slip, belly, (1 - waist) / 2, second, second + 360),
    ]


def straight_nine(rng: Rng) -> list[Stroke]:
    """Return a 9 with a straight or hooked tail from the right of its ring."""
    ring = arc(0, 0.27, float(rng.uniform(0.22, 0.34)), 0.27, 0, -float(rng.uniform(330, 400)))
    right = float(ring[:, 0].max())
    tail = [(right, 0.2), (right + float(rng.uniform(-0.15, 0.06)), 1.0)]
    if rng.random() < 0.3:
        tail.append((tail[-1][0] - float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.85, 1.0))))
    if rng.random() < 0.5:
        return [np.concatenate([ring, polyline(*tail)])]
    return [ring, polyline(*tail)]


def footed_seven(rng: Rng) -> list[Stroke]:
    """Return a crossed 7 with a wavy top, some with a short foot."""
    wide, foot = float(rng.uniform(0.45, 0.75)), float(rng.uniform(0.05, 0.35))
    dip = float(rng.uniform(0.0, 0.14))
    top = corners_cut(polyline((0, 0.12), (0.05, 0), (wide * 0.5, dip), (wide, 0)))
    stem = corners_cut(polyline((wide, 0), (foot + 0.1, 0.5), (foot, 1)))
    strokes = [np.concatenate([top, stem])]
    height, half = float(rng.uniform(0.42, 0.6)), float(rng.uniform(0.12, 0.25))
    at = foot + 0.1
    strokes.append(polyline((at - half, height), (at + half, height)))
    if rng.random() < 0.3:
        strokes.append(polyline((foot - 0.12, 1), (foot + 0.12, 1)))
    return strokes


def curled_six(rng: Rng) -> list[Stroke]:
    """Return a 6 whose top bends far to the right and whose ring may stay open."""
    wide, waist = float(rng.uniform(0.26, 0.4)), float(rng.uniform(0.4, 0.58))
    reach = float(rng.uniform(0.3, 1.0)) * wide
    top = polyline((reach, float(rng.uniform(0.02, 0.16))), (reach * 0.3, 0), (-wide * 0.8, 0.3))
    ring = arc(0, (1 + waist) / 2, wide, (1 - waist) / 2, 180, 180 - float(rng.uniform(300, 400)))
    return [corners_cut(corners_cut(np.concatenate([top, ring])))]


def boxy_five(rng: Rng) -> list[Stroke]:
    """Return a 5 whose bar is a second stroke that may not touch the body."""
    wide = float(rng.uniform(0.3, 0.5))
    waist = float(rng.uniform(0.38, 0.5))
    start = float(rng.uniform(-115, -75))
    belly = arc(0.12, (1 + waist) / 2, wide, (1 - waist) / 2, start, float(rng.uniform(110, 170)))
    body = np.concatenate([polyline((-0.1, 0), (-0.14, waist)), belly])
    shift = float(rng.uniform(-0.06, 0.06))
    return [
        body,
        polyline((-0.1 + shift, shift / 2), (wide + float(rng.uniform(-0.15, 0.15)), shift)),
    ]


STYLES: dict[str, Sequence[Callable[[Rng], list[Stroke]]]] = {
    "0": (slashed_zero,),
    "1": (flagged_one, long_flagged_one, looped_one, footed_one),
    "4": (open_four, lightning_four),
    "5": (boxy_five,),
    "6": (curled_six,),
    "7": (crossed_seven, crossed_seven, footed_seven),
    "8": (open_eight, stacked_eight),
    "9": (straight_nine,),
}


def in_style(label: str, rng: Rng) -> list[Stroke]:
    """Return a digit in one of the styles of its label.

    Raises:
        KeyError: STYLES has none for the label.
    """
    makers = STYLES[label]
    return makers[int(rng.integers(len(makers)))](rng)


def with_style(strokes: Sequence[Stroke], label: str, rng: Rng) -> list[Stroke]:
    """Add a style to a drawn digit: a slash to a 0, a flag or a foot to a 1, a bar to a 7, a gap.

    Other digits are returned with their shape unchanged; all are centred with longest side 1.
    """
    shape = normalised(list(strokes))
    points = np.concatenate(shape)
    low, high = points.min(0), points.max(0)
    if label == "0":
        reach = float(rng.uniform(0.3, 0.6))
        half = (high - low) * reach * float32([0.8, 0.9])
        return [*shape, polyline((-half[0], half[1]), (half[0], -half[1]))]
    if label == "1" and len(shape) == 1 and high[0] - low[0] < 0.25:
        return _with_flag_or_foot(shape, rng)
    if label == "7" and len(shape) == 1:
        rows = points[(points[:, 1] > -0.12) & (points[:, 1] < 0.22)]
        if len(rows):
            at, half = rows[int(rng.integers(len(rows)))], float(rng.uniform(0.12, 0.28))
            tilt = float(rng.uniform(-0.06, 0.06))
            return [*shape, polyline((at[0] - half, at[1] + tilt), (at[0] + half, at[1] - tilt))]
    if label == "8" and len(shape) == 1 and len(shape[0]) > 20 and shape[0][0, 1] < -0.15:
        drop = max(1, int(len(shape[0]) * float(rng.uniform(0.02, 0.09))))
        return [shape[0][drop : len(shape[0]) - drop]]
    return shape


def _with_flag_or_foot(bar: list[Stroke], rng: Rng) -> list[Stroke]:
    """Add a flag, a foot or both to a 1 that is a bar."""
    points = bar[0]
    if points[0, 1] > points[-1, 1]:
        points = points[::-1]
    (x, y), (foot_x, foot_y) = points[0].tolist(), points[-1].tolist()
    kind = float(rng.random())
    strokes = list(bar)
    if kind < 0.75:
        wide = float(rng.uniform(0.1, 0.4))
        drop = min(wide * float(rng.uniform(0.7, 1.7)), 0.6)
        strokes = [np.concatenate([polyline((x - wide, y + drop)), points])]
    if kind > 0.6:
        reach = rng.uniform(0.12, 0.35, 2)
        strokes.append(polyline((foot_x - reach[0], foot_y), (foot_x + reach[1], foot_y)))
    return strokes
