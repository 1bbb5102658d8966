"""Floating point numbers as TensorFlow Serving prints them.

`WriteDecimal` in json_tensor.cc: six significant digits (`%g`); if those do not read back as
the same number, enough of them to do so (`%.9g` for a float, `%.17g` for a double); `.0` added
when there is neither a point nor an exponent; `NaN`, `Infinity` and `-Infinity` bare.
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
# Where a double lies exactly between two floats, reading text by way of a double may round
# the wrong way; the lower 29 bits of its significand tell.
BETWEEN_MASK = (1 << 29) - 1
BETWEEN = 1 << 28


def format_floats(values: NDArray[np.float32]) -> list[str]:
    """One text for each element of a one-dimensional float32 array."""
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
    return _finished(texts)


def format_doubles(values: NDArray[np.float64]) -> list[str]:
    """One text for each element of a one-dimensional float64 array."""
    texts: list[str] = []
    for value in values.tolist():
        text = SIX_DIGITS % value
        texts.append(text if float(text) == value else DOUBLE_DIGITS % value)
    return _finished(texts)


def _finished(texts: Iterable[str]) -> list[str]:
    return [
        text if "." in text or "e" in text else SPECIAL.get(text) or text + ".0" for text in texts
    ]


SPECIAL = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _nearest_float(text: str) -> float:
    """The float32 nearest to a decimal, ties to even, without a double in between."""
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
