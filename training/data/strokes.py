"""Pen strokes as arrays: float32 (points, 2), x to the right, y down, in any unit."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Stroke = NDArray[np.float32]
Rng = np.random.Generator


def float32(values: ArrayLike) -> NDArray[np.float32]:
    """Return the values as a float32 array."""
    return np.asarray(values, np.float32)


def polyline(*points: tuple[float, float]) -> Stroke:
    """Return a stroke through the points."""
    return float32(points)


def arc(
    cx: float, cy: float, rx: float, ry: float, start: float, end: float, points: int = 24
) -> Stroke:
    """Return part of an ellipse.

    Args:
        cx, cy: centre.
        rx, ry: radii.
        start, end: angles in degrees, 0 to the right, growing clockwise (y points down).
        points: number of points.
    """
    angle = np.radians(np.linspace(start, end, points))
    return float32(np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], 1))


def corners_cut(path: Stroke) -> Stroke:
    """Return the path rounded once by Chaikin's corner cutting; its ends stay."""
    near, far = path[:-1] * 0.75 + path[1:] * 0.25, path[:-1] * 0.25 + path[1:] * 0.75
    return np.concatenate([path[:1], np.stack([near, far], 1).reshape(-1, 2), path[-1:]])
