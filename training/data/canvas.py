"""Drawing of strokes as the page's canvas does it: a round pen, antialiased, dark on white.

The page draws with `lineCap = lineJoin = "round"`, so a stroke is the union of discs along its
path. That is drawn here at a higher resolution and averaged down.
tests/browser/test_ink_matches_canvas.py compares the two in a browser.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from training.data.strokes import Rng, Stroke

CANVAS = 280  # CSS pixels of the page's canvas on a phone
# As shares of the side of the canvas:
CLEAN_BRUSH = 0.07  # the page's own pen is 18 to 20 of 280 pixels
CLEAN_SCALE = 0.7  # about as large as people draw when the page asks them to fill it
PERTURBED_BRUSH = (0.03, 0.10)
PERTURBED_SCALE = (0.30, 1.00)
OVERSAMPLING = 2  # more does not change an instance, whose pixels are 14 times larger


def render(
    strokes: Sequence[ArrayLike],
    *,
    size: int = CANVAS,
    brush: float = CLEAN_BRUSH,
    scale: float = CLEAN_SCALE,
    offset: tuple[float, float] = (0.0, 0.0),
    smooth: bool = False,
    oversampling: int = OVERSAMPLING,
) -> Image.Image:
    """Return a square greyscale picture, ink 0 on paper 255.

    Args:
        strokes: each (points, 2) or more columns (x, y first), in any unit, y down.
        size: side in pixels.
        brush: diameter of the pen as a share of the side.
        scale: longest side of the ink, the pen's width included, as a share of the side.
        offset: place within the free space, -1..1 each way; 0 is the middle, 1 the right or bottom.
        smooth: join the points by quadratic curves through their midpoints, not by straight lines.
        oversampling: factor of the resolution at which the strokes are drawn.

    Raises:
        ValueError: the strokes have no point.
    """
    paths = [np.asarray(stroke, np.float32)[:, :2] for stroke in strokes if len(stroke)]  # type: ignore[arg-type]
    if not paths:
        raise ValueError("nothing to draw: give at least one stroke with at least one point")
    if smooth:
        paths = [_midpoint_curve(path) for path in paths]
    low = np.min([path.min(0) for path in paths], axis=0)
    high = np.max([path.max(0) for path in paths], axis=0)
    longest = float((high - low).max())
    side = size * oversampling
    width = max(brush * side, 1.0)
    factor = max(scale * side - width, 1.0) / longest if longest > 0 else 0.0
    free = np.maximum(side - (high - low) * factor - width, 0.0) / 2
    centre = side / 2 + np.asarray(offset, np.float32) * free
    middle = (low + high) / 2

    picture = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(picture)
    radius = max(width / 2 - 0.5, 0.0)  # Pillow counts the outline as inside
    for path in paths:
        # Less half a pixel: Pillow's coordinates are those of the middle of a pixel.
        points = _thinned((path - middle) * factor + centre - 0.5, radius)
        for band in _bands(points, radius):
            draw.polygon(band, fill=0)
        for x, y in points.tolist():
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    return picture.reduce(oversampling) if oversampling > 1 else picture


def clean(strokes: Sequence[ArrayLike]) -> Image.Image:
    """Return the strokes centred, at CLEAN_SCALE, with the page's own pen."""
    return render(strokes)


def perturbed(strokes: Sequence[ArrayLike], rng: Rng) -> Image.Image:
    """Return the strokes at a random place and size, with a pen of random width."""
    return render(
        strokes,
        brush=float(rng.uniform(*PERTURBED_BRUSH)),
        scale=float(rng.uniform(*PERTURBED_SCALE)),
        offset=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
    )


def _thinned(points: Stroke, radius: float) -> Stroke:
    """Drop points so close to the previous one that a disc of this radius would not differ."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.floor(np.concatenate(([0.0], np.cumsum(steps))) / max(radius / 8, 0.5))
    keep = np.concatenate(([True], along[1:] > along[:-1]))
    keep[-1] = True
    return points[keep]


def _bands(points: Stroke, radius: float) -> list[list[float]]:
    """Return the straight parts between discs as polygons; Pillow's lines round their width."""
    start, end = points[:-1], points[1:]
    along = end - start
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = np.stack([-along[:, 1], along[:, 0]], 1) * (radius / length)[:, None]
    corners = np.concatenate([start + across, end + across, end - across, start - across], axis=1)
    bands: list[list[float]] = corners.tolist()
    return bands


def _midpoint_curve(path: Stroke) -> Stroke:
    """Return quadratic Bezier curves from midpoint to midpoint, with the points as controls."""
    if len(path) < 3:
        return path
    middles = (path[:-1] + path[1:]) / 2  # (n-1, 2)
    t = np.linspace(0, 1, 5, dtype=np.float32)[:-1, None]
    starts, controls, ends = middles[:-1, None], path[1:-1, None], middles[1:, None]
    curve = (1 - t) ** 2 * starts + 2 * t * (1 - t) * controls + t**2 * ends  # (n-2, 4, 2)
    return np.concatenate([path[:1], curve.reshape(-1, 2), middles[-1:], path[-1:]])
