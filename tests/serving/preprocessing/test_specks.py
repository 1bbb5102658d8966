"""Specks are removed; a dot of the pen is not a speck."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from serving.preprocessing import BlankPicture, to_instance
from serving.preprocessing.connected_components import connected_components
from tests.serving.preprocessing.drawings import difference, pens
from training.data import canvas


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 29), st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_specks_are_removed(number: int, seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    drawing = canvas.render(pens()[number], size=400, brush=0.05, scale=0.45)
    pixels = np.asarray(drawing).copy()
    for x, y in rng.integers(0, 398, (count, 2)):
        if 80 < x < 320 and 80 < y < 320:
            continue  # beside the ink a speck is a part of it
        pixels[y : y + 2, x : x + 2] = 0
    assert difference(to_instance(drawing), to_instance(Image.fromarray(pixels))) < 0.02


def test_a_single_speck_and_noise_are_blank() -> None:
    speck = Image.new("L", (280, 280), 255)
    speck.paste(0, (140, 140, 142, 142))
    grain = np.random.default_rng(0).normal(128, 2, (280, 280)).astype(np.uint8)
    for picture in (speck, Image.fromarray(grain)):
        with pytest.raises(BlankPicture):
            to_instance(picture)


def test_a_dot_of_the_pen_is_a_drawing() -> None:
    assert to_instance(canvas.clean([np.zeros((1, 2), np.float32)])).max() == 1.0


def test_cells_that_touch_at_a_corner_are_one_component() -> None:
    mask = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], bool)
    first, second = connected_components(mask)
    assert np.argwhere(first).tolist() == [[0, 0], [1, 1]]
    assert np.argwhere(second).tolist() == [[1, 3], [2, 3]]
