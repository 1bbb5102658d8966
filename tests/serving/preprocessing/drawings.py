"""Pen strokes, MNIST digits, and a measure of how far two instances differ."""

import json
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.harness import ROOT

Instance = NDArray[np.float32]

# Two instances of one drawing: the mean difference of a pixel, as a share of the mean pixel. A
# shift by one pixel makes about 0.8.
SAME = 0.12


@cache
def pens() -> list[list[NDArray[np.float32]]]:
    """Returns the strokes of 30 pen digits, three of each."""
    digits = json.loads((ROOT / "tests" / "data" / "pen_digits.json").read_text())["digits"]
    return [[np.asarray(stroke, np.float32) for stroke in digit["strokes"]] for digit in digits]


@cache
def mnist_digits() -> NDArray[np.uint8]:
    """Returns 200 digits of MNIST, (200, 28, 28)."""
    sheet = np.asarray(Image.open(ROOT / "training" / "artifacts" / "check_digits.png"))
    return sheet.reshape(10, 28, 20, 28).transpose(0, 2, 1, 3).reshape(200, 28, 28)


def difference(one: Instance, other: Instance) -> float:
    return float(np.abs(one - other).mean() / max(one.mean(), other.mean()))
