"""Draws strokes the way the page's canvas does: a round pen, antialiased, dark ink on white paper.

The page draws with `lineCap = lineJoin = "round"`; a stroke is then exactly the union of discs
along its path, which is what is drawn here, at a higher resolution and averaged down.
tests/browser/test_ink_matches_canvas.py holds the two together. What a pen *could* have drawn
(slants, jitter, styles) is the business of training/handwriting.py.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

CANVAS = 280  # CSS pixels of the page's canvas on a phone
CLEAN_BRUSH = 0.07  # of the canvas' side: the page's own pen is 18 to 20 of 280 pixels
CLEAN_SCALE = 0.7  # of the canvas' side: how large people draw when they are asked to fill it
PERTURBED_BRUSH = (0.03, 0.10)
PERTURBED_SCALE = (0.30, 1.00)
OVERSAMPLING = 2  # the instance is 14 times coarser than the canvas: more changes nothing


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
    """A square greyscale picture, ink 0 on paper 255.

    Args:
        strokes: each (points, 2) or more columns (x, y first), in any unit, y down.
        size: the canvas' side in pixels.
        brush: the pen's diameter as a share of the side.
        scale: the longest side of the ink, the pen's width included, as a share of the side.
        offset: where in the free space, -1..1 each way; 0 is the middle, 1 touches right or bottom.
        smooth: joins the points by quadratic curves through their midpoints rather than straight.
        oversampling: the factor at which it is drawn before it is averaged down.

    Raises:
        ValueError: there is no point to draw.
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
    radius = max(width / 2 - 0.5, 0.0)  # Pillow's outlines belong to what they enclose
    for path in paths:
        points = _thinned((path - middle) * factor + centre - 0.5, radius)  # a pixel is its middle
        for band in _bands(points, radius):
            draw.polygon(band, fill=0)
        for x, y in points.tolist():
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    return picture.reduce(oversampling) if oversampling > 1 else picture


def clean(strokes: Sequence[ArrayLike], size: int = CANVAS) -> Image.Image:
    """Centred, of a good size, with the page's own pen."""
    return render(strokes, size=size)


def perturbed(
    strokes: Sequence[ArrayLike], rng: np.random.Generator, size: int = CANVAS
) -> Image.Image:
    """Anywhere on the canvas, at 30 to 100 % of its side, with a pen of 3 to 10 %."""
    return render(
        strokes,
        size=size,
        brush=float(rng.uniform(*PERTURBED_BRUSH)),
        scale=float(rng.uniform(*PERTURBED_SCALE)),
        offset=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
    )


def _thinned(points: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Without points so close to the one before that a disc of this radius would not show them."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.floor(np.concatenate(([0.0], np.cumsum(steps))) / max(radius / 8, 0.5))
    keep = np.concatenate(([True], along[1:] > along[:-1]))
    keep[-1] = True
    return points[keep]


def _bands(points: NDArray[np.float32], radius: float) -> list[list[float]]:
    """The straight parts between discs, as polygons: Pillow's own line rounds its width."""
    start, end = points[:-1], points[1:]
    along = end - start
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = np.stack([-along[:, 1], along[:, 0]], 1) * (radius / length)[:, None]
    corners = np.concatenate([start + across, end + across, end - across, start - across], axis=1)
    return corners.tolist()  # type: ignore[no-any-return]


def _midpoint_curve(path: NDArray[np.float32]) -> NDArray[np.float32]:
    """Quadratic Bezier curves from midpoint to midpoint; the points are the controls."""
    if len(path) < 3:
        return path
    middles = (path[:-1] + path[1:]) / 2  # (n-1, 2)
    t = np.linspace(0, 1, 5, dtype=np.float32)[:-1, None]
    starts, controls, ends = middles[:-1, None], path[1:-1, None], middles[1:, None]
    curve = (1 - t) ** 2 * starts + 2 * t * (1 - t) * controls + t**2 * ends  # (n-2, 4, 2)
    return np.concatenate([path[:1], curve.reshape(-1, 2), middles[-1:], path[-1:]])
