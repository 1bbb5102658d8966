"""Formatted numbers, compared with a simple implementation of the rule."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.server.json.float_formatting import format_doubles, format_floats


def nearest_float(text: str) -> np.float32:
    """Return the float32 nearest to `text`, by exact arithmetic."""
    guess = np.float32(float(text))
    around = [
        np.nextafter(guess, np.float32(-np.inf)),
        guess,
        np.nextafter(guess, np.float32(np.inf)),
    ]
    finite = [each for each in around if np.isfinite(each)]
    exact = Fraction(text)
    return min(
        finite, key=lambda each: (abs(Fraction(float(each)) - exact), each.view(np.int32) & 1)
    )


def naive_float(value: np.float32) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = f"{float(value):g}"
    if nearest_float(text) != value:
        text = f"{float(value):.9g}"
    return text if "." in text or "e" in text else text + ".0"


@settings(max_examples=400, deadline=None)
@given(st.lists(st.floats(width=32), max_size=20))
def test_floats(values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert format_floats(array) == [naive_float(each) for each in array]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), max_size=50))
def test_floats_of_any_bits(bits: list[int]) -> None:
    array = np.array(bits, np.uint32).view(np.float32)
    assert format_floats(array) == [naive_float(each) for each in array]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(), max_size=20))
def test_doubles(values: list[float]) -> None:
    for value, text in zip(values, format_doubles(np.array(values, np.float64)), strict=True):
        read = float(text.replace("Infinity", "inf"))
        assert read == value or (math.isnan(read) and math.isnan(value))
        short = f"{value:g}"
        if math.isfinite(value) and float(short) == value:
            assert text.removesuffix(".0") == short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1 / 3, "0.333333343"),
        (9e6, "9e+06"),
        (999999.0, "999999.0"),
        (1e-7, "1e-07"),
        (1234567.0, "1234567.0"),
        (100000.0, "100000.0"),
        (1e6, "1e+06"),
        (-0.0, "-0.0"),
        (1.17549435e-38, "1.17549435e-38"),
        (1e-45, "1.4013e-45"),
        (3.4028235e38, "3.40282347e+38"),
    ],
)
def test_examples(value: float, text: str) -> None:
    assert format_floats(np.array([value], np.float32)) == [text]
