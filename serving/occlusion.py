"""Occlusion: what the model answers when one part of an instance after the other is covered.

The method is that of M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional
Networks" (ECCV 2014), section 4.2. They cover photographs with a grey square; here the square is
paper (0), because that is what a picture of ink has where there is no ink.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIDE = 28
WINDOW = 7  # pixels; about three strokes wide, so that a window can hold a whole turn of the pen
STRIDE = 3  # (28 - 7) / 3 + 1 = 8 windows in each direction, which reach every pixel
# max_batch_size in serving/batching.config: one call has room for the instance and 63 windows.
MAX_INSTANCES = 64

Window = tuple[int, int]  # row and column of its first pixel


def windows_on(instance: NDArray[np.float32]) -> list[Window]:
    """Return the windows that hold ink, from the top left on.

    A window without ink covers nothing: the answer to it is that to the instance itself. If all
    64 windows hold ink, the one with the least is left out.

    Args:
        instance: (28, 28), ink 1, paper 0.
    """
    places = range(0, SIDE - WINDOW + 1, STRIDE)
    ink = {
        (row, column): float(instance[row : row + WINDOW, column : column + WINDOW].sum())
        for row in places
        for column in places
    }
    most = sorted(ink, key=lambda window: -ink[window])[: MAX_INSTANCES - 1]
    return sorted(window for window in most if ink[window] > 0)


def occlude(instance: NDArray[np.float32], windows: Sequence[Window]) -> NDArray[np.float32]:
    """Return the (1 + n, 28, 28) instance itself, then with each of the n windows covered."""
    instances = np.repeat(instance[np.newaxis], 1 + len(windows), axis=0)
    for covered, (row, column) in zip(instances[1:], windows, strict=True):
        covered[row : row + WINDOW, column : column + WINDOW] = 0
    return instances


def occlusion_map(
    probabilities: NDArray[np.float64], windows: Sequence[Window], *, instance: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return how much each pixel's ink speaks for a class, as a share of probability.

    The value of a pixel is the mean over the windows that reach it of the probability that is
    lost when the window is covered: positive where the ink speaks for the class, negative where
    it speaks against it, 0 where there is none.

    Args:
        probabilities: (1 + n,) of the class, in the order of `occlude`.
        windows: the n windows.
        instance: (28, 28), what they cover.

    Returns:
        (28, 28), each -1 to 1.
    """
    lost = np.zeros((SIDE, SIDE))
    for (row, column), share in zip(windows, probabilities[0] - probabilities[1:], strict=True):
        lost[row : row + WINDOW, column : column + WINDOW] += share
    return np.where(instance > 0, lost / _windows_over_each_pixel(), 0.0)


def _windows_over_each_pixel() -> NDArray[np.int64]:
    """Return the (28, 28) number of windows that reach each pixel, with ink or without."""
    starts = np.arange(0, SIDE - WINDOW + 1, STRIDE)[:, np.newaxis]
    pixels = np.arange(SIDE)
    along: NDArray[np.int64] = ((starts <= pixels) & (pixels < starts + WINDOW)).sum(axis=0)
    return np.outer(along, along)
