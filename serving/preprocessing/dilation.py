"""Dilation of masks and of greyscale ink (morphology; SciPy is not in the site's image)."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def dilated(mask: NDArray[np.bool_], *, diagonals: bool = True) -> NDArray[np.bool_]:
    """Dilates a mask by a 3x3 square, or without diagonals by a cross."""
    padded = np.pad(mask, 1)
    rows = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    others = rows if diagonals else padded[:, 1:-1]
    return np.asarray(others[:-2] | rows[1:-1] | others[2:])


def dilated_by_disc(ink: Image.Image, radius: float) -> Image.Image:
    """Dilates greyscale ink by a disc; a fractional radius is a mixture of the two whole ones.

    The result is larger than the ink by `int(radius) + 1` pixels on each side.
    """
    if radius <= 0:
        return ink
    whole = int(radius)
    margin = whole + 1
    padded = np.zeros((ink.height + 4 * margin, ink.width + 4 * margin), np.uint8)
    padded[2 * margin : -2 * margin, 2 * margin : -2 * margin] = np.asarray(ink)
    inner = _largest_within(padded, whole, margin)
    outer = _largest_within(padded, whole + 1, margin)
    share = radius - whole
    return Image.fromarray(np.rint(inner * (1 - share) + outer * share).astype(np.uint8))


def _largest_within(padded: NDArray[np.uint8], radius: int, margin: int) -> NDArray[np.uint8]:
    """The largest value within `radius` of each pixel, without `margin` pixels on each side."""
    height, width = (length - 2 * margin for length in padded.shape)
    largest = np.zeros((height, width), np.uint8)
    reach = (radius + 0.3) ** 2  # 0.3: rounder than a plus at radius 1, no corners at 2
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy <= reach:
                top, left = margin + dy, margin + dx
                np.maximum(largest, padded[top : top + height, left : left + width], out=largest)
    return largest
