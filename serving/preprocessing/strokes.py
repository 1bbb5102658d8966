"""Measures the width of strokes, and shrinks strokes that are too thin without losing them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDENING_SIDE = 80  # the longest side at which strokes are widened: 4 times the digit box


def stroke_width(ink: NDArray[np.uint8]) -> float:
    """Returns the mean width of the strokes in pixels; of a filled shape about half its diameter.

    Area over length: a line's area is width times length, and its total variation
    sum(|dx| + |dy|) is twice its length times |sin| + |cos| of its direction, 4 / pi on average.

    Args:
        ink: (h, w), 0..255, at least one pixel above 0.
    """
    padded = np.zeros((ink.shape[0] + 2, ink.shape[1] + 2), np.int16)
    padded[1:-1, 1:-1] = ink
    variation = int(np.abs(np.diff(padded, axis=0)).sum(dtype=np.int64)) + int(
        np.abs(np.diff(padded, axis=1)).sum(dtype=np.int64)
    )
    return 8.0 / np.pi * float(ink.sum(dtype=np.int64)) / max(variation, 1)


def shrunk_for_widening(ink: Image.Image) -> tuple[Image.Image, int]:
    """Shrinks ink to about WIDENING_SIDE and brings its strokes back to 255.

    Returns:
        The ink, and the whole factor by which it was averaged down.
    """
    factor = max(1, max(ink.size) // WIDENING_SIDE)
    if factor > 1:
        # Whole blocks only: the last one would be averaged over fewer pixels.
        width, height = (-(-length // factor) * factor for length in ink.size)
        padded = Image.new("L", (width, height), 0)
        padded.paste(ink)
        ink = padded.reduce(factor)
    return _brightened(ink), factor


def _brightened(ink: Image.Image) -> Image.Image:
    """Brings the middle of lines to 255; lines thinner than the shrinking factor come out grey."""
    histogram = ink.histogram()
    histogram[0] = 0
    strongest = max(level for level in range(256) if histogram[level])
    above = np.cumsum(histogram[strongest // 2 :])
    level = strongest // 2 + int(np.searchsorted(above, above[-1] / 2))
    return ink if level >= 255 else ink.point([min(255, i * 255 // level) for i in range(256)])
