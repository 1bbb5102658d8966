"""Stroke augmentation: the same character as another person could have drawn it.

Strokes are changed before they become pixels, so that slant, proportion, tremor, gaps and pen
lifts vary while the line keeps its width and its round ends.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.strokes import Rng, Stroke, float32


def augment(strokes: Sequence[Stroke], rng: Rng, *, strength: float = 1.0) -> list[Stroke]:
    """Return a random variant of a character.

    Args:
        strokes: in any unit; the variant is scaled so that its longest side is about 1.
        rng: decides the variant.
        strength: 0 keeps the shape, 1 changes it as far as it stays legible.
    """
    changed = normalised([_resampled(stroke) for stroke in strokes if len(stroke)])
    changed = [_ends(stroke, rng, strength) for stroke in changed]
    if len(changed) > 1:
        changed = [_pen_lift(stroke, rng, strength) for stroke in changed]
    changed = _proportions(changed, rng, strength)
    changed = _elastic(changed, rng, strength)
    if rng.random() < 0.25 * strength:
        changed = [_few_points(stroke, rng) for stroke in changed]
    if rng.random() < 0.4:
        amount = abs(float(rng.normal(0, 0.009))) * strength
        changed = [_tremor(stroke, rng, amount) for stroke in changed]
    return _affine(changed, rng, strength)


def normalised(strokes: Sequence[Stroke]) -> list[Stroke]:
    """Return the strokes centred on 0, with a longest side of 1; a dot stays a dot."""
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    side = max(float((high - low).max()), 0.05)
    return [float32((stroke - (low + high) / 2) / side) for stroke in strokes]


def _resampled(stroke: Stroke, points: int = 32) -> Stroke:
    """Return points evenly spaced along the path, whatever the sampling rate of the tablet."""
    steps = np.hypot(*np.diff(stroke, axis=0).T) if len(stroke) > 1 else np.zeros(0)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    if along[-1] <= 0:
        return float32(stroke[:1])
    # The original points are kept as well, so that corners between two samples are not cut.
    at = np.union1d(np.linspace(0, along[-1], points), along)
    return float32(np.stack([np.interp(at, along, stroke[:, axis]) for axis in (0, 1)], 1))


def _ends(stroke: Stroke, rng: Rng, strength: float) -> Stroke:
    """Lengthen or shorten either end, by at most a tenth of the stroke."""
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
                stroke = np.concatenate([stroke, float32(tip[None])])
        stroke = stroke[::-1]
    return stroke


def _pen_lift(stroke: Stroke, rng: Rng, strength: float) -> Stroke:
    """Move, scale and rotate one stroke against the others."""
    middle = stroke.mean(0)
    angle = float(rng.normal(0, 0.06)) * strength
    size = float(np.exp(rng.normal(0, 0.06) * strength))
    shift = rng.normal(0, 0.025, 2) * strength
    return float32((stroke - middle) @ _rotation(angle) * size + middle + shift)


def _proportions(strokes: list[Stroke], rng: Rng, strength: float) -> list[Stroke]:
    """Warp each axis by a power: a larger upper or lower part, a heavier left or right side."""
    power = np.exp(rng.normal(0, 0.16, 2) * strength)
    warped = []
    for stroke in strokes:
        unit = np.clip(stroke + 0.5, 0, 1)
        beyond = stroke + 0.5 - unit  # ends outside the unit square keep their length
        warped.append(float32(unit**power + beyond - 0.5))
    return warped


def _elastic(strokes: list[Stroke], rng: Rng, strength: float) -> list[Stroke]:
    """Displace the plane smoothly by a sum of sine waves."""
    count = 4
    frequency = rng.normal(0, 0.9, (count, 2))  # waves across the character
    phase = rng.uniform(0, 2 * np.pi, count)
    amount = rng.normal(0, 0.022, (count, 2)) * strength
    return [
        float32(stroke + np.sin(2 * np.pi * stroke @ frequency.T + phase) @ amount)
        for stroke in strokes
    ]


def _few_points(stroke: Stroke, rng: Rng) -> Stroke:
    """Keep few points, as a slow tablet does, joined directly or through their midpoints."""
    if len(stroke) < 12:
        return stroke
    keep = int(rng.integers(9, 20))
    few: Stroke = stroke[np.unique(np.linspace(0, len(stroke) - 1, keep).astype(int))]
    if rng.random() < 0.5:
        return few
    return np.concatenate([few[:1], (few[:-1] + few[1:]) / 2, few[-1:]])


def _tremor(stroke: Stroke, rng: Rng, amount: float) -> Stroke:
    """Add noise that is smoothed over five points."""
    if len(stroke) < 4:
        return stroke
    noise = rng.normal(0, 1, (len(stroke) + 4, 2))
    smooth = sum(noise[i : i + len(stroke)] for i in range(5)) / np.sqrt(5)
    return float32(stroke + smooth * amount)


def _affine(strokes: list[Stroke], rng: Rng, strength: float) -> list[Stroke]:
    """Slant, stretch and rotate; slants over 30 and rotations over 15 degrees are rare."""
    slant = float(rng.normal(0, 0.22)) * strength
    aspect = float(np.exp(np.clip(rng.normal(0, 0.18), -0.45, 0.45) * strength))
    angle = float(np.clip(rng.normal(0, 0.11), -0.3, 0.3)) * strength
    matrix = np.array([[aspect, 0.0], [-slant, 1.0]]) @ _rotation(angle)
    return [float32(stroke @ matrix) for stroke in strokes]


def _rotation(angle: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine], [-sine, cosine]])
