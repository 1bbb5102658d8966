"""Floating-point numbers formatted as TensorFlow Serving prints them.

`WriteDecimal` in json_tensor.cc prints six significant digits (`%g`). If those do not read back
as the same number, it prints enough digits (`%.9g` for a float, `%.17g` for a double). It adds
`.0` when there is neither a point nor an exponent, and prints `NaN`, `Infinity` and `-Infinity`
without quotes.
"""

import math
import struct
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

SIX_DIGITS = "%g"
FLOAT_DIGITS = "%.9g"  # numeric_limits<float>::max_digits10
DOUBLE_DIGITS = "%.17g"  # numeric_limits<double>::max_digits10
SPECIAL = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
# Reading a float's text by way of a double may round the wrong way when the double lies exactly
# between two floats; the lower 29 bits of its significand are then these.
BETWEEN_MASK = (1 << 29) - 1
BETWEEN = 1 << 28


def format_floats(values: NDArray[np.float32]) -> list[str]:
    """Format each element of a one-dimensional float32 array."""
    if values.size == 0:
        return []
    wide = values.tolist()
    texts: list[str] = ((SIX_DIGITS + " ") * len(wide) % tuple(wide)).split()
    read = np.array(texts, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        same = read.astype(np.float32) == values
    between = np.flatnonzero((read.view(np.int64) & BETWEEN_MASK) == BETWEEN)
    for index in between.tolist():
        if math.isfinite(wide[index]):
            same[index] = _nearest_float(texts[index]) == wide[index]
    for index in np.flatnonzero(~same).tolist():
        texts[index] = FLOAT_DIGITS % wide[index]
    return _complete(texts)


def format_doubles(values: NDArray[np.float64]) -> list[str]:
    """Format each element of a one-dimensional float64 array."""
    texts: list[str] = []
    for value in values.tolist():
        text = SIX_DIGITS % value
        texts.append(text if float(text) == value else DOUBLE_DIGITS % value)
    return _complete(texts)


def _complete(texts: Iterable[str]) -> list[str]:
    """Add the `.0` to whole numbers, and write special values as JSON readers expect them."""
    return [
        text if "." in text or "e" in text else SPECIAL.get(text) or text + ".0" for text in texts
    ]


def _nearest_float(text: str) -> float:
    """Return the float32 nearest to a decimal, ties to even, by exact arithmetic."""
    exact = Fraction(text)
    guess = np.float32(text)
    best = guess
    for candidate in (
        np.nextafter(guess, np.float32(-np.inf)),
        np.nextafter(guess, np.float32(np.inf)),
    ):
        if not np.isfinite(candidate):
            continue
        nearer = abs(Fraction(float(candidate)) - exact) - abs(Fraction(float(best)) - exact)
        even = struct.pack("<f", candidate)[0] % 2 == 0
        if nearer < 0 or (nearer == 0 and even):
            best = candidate
    return float(best)
