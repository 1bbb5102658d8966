"""Drawing of strokes: a round pen on white paper, at any place and size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.training.pens import CROSS, drawing
from training.data import canvas
from training.data.strokes import polyline


def ink_of(picture: Image.Image) -> NDArray[np.float64]:
    return 255 - np.asarray(picture).astype(np.float64)


def bounding_box(picture: Image.Image) -> tuple[int, int, int, int]:
    dark = ink_of(picture) > 127
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def test_dark_antialiased_ink_on_white_paper() -> None:
    picture = canvas.clean(CROSS)
    assert (picture.mode, picture.size) == ("L", (280, 280))
    assert picture.getpixel((0, 0)) == 255
    assert picture.getpixel((140, 140)) == 0
    assert len(np.unique(np.asarray(canvas.clean(drawing().strokes)))) > 3


def test_a_dot_is_a_disc_of_the_brush() -> None:
    picture = canvas.render([polyline((3, 3))], size=200, brush=0.2, scale=0.5)
    assert ink_of(picture).sum() / 255 == pytest.approx(np.pi * 20**2, rel=0.02)


def test_a_line_is_as_wide_as_the_brush_with_round_ends() -> None:
    picture = canvas.render([polyline((0, 0), (1, 0))], size=200, brush=0.1, scale=0.8)
    assert ink_of(picture).sum() / 255 == pytest.approx(20 * 140 + np.pi * 10**2, rel=0.02)
    assert np.median(ink_of(picture)[:, 60:140].sum(0) / 255) == pytest.approx(20, abs=0.6)


@given(
    brush=st.floats(0.03, 0.1), scale=st.floats(0.3, 1.0), x=st.floats(-1, 1), y=st.floats(-1, 1)
)
@settings(max_examples=40, deadline=None)
def test_the_ink_is_as_large_as_asked_and_not_cut_off(
    brush: float, scale: float, x: float, y: float
) -> None:
    top, bottom, left, right = bounding_box(
        canvas.render(drawing().strokes, brush=brush, scale=scale, offset=(x, y))
    )
    longest = max(bottom - top, right - left) + 1
    assert longest == pytest.approx(scale * 280, abs=2.5)
    assert min(top, left) >= 0
    expected = 140 + x * (280 - (right - left + 1)) / 2
    assert (left + right + 1) / 2 == pytest.approx(expected, abs=2.5)


def test_clean_is_centred_and_perturbed_depends_on_its_generator() -> None:
    top, bottom, left, right = bounding_box(canvas.clean(drawing().strokes))
    assert top + bottom == pytest.approx(279, abs=2)
    assert left + right == pytest.approx(279, abs=2)
    first, again, other = (
        canvas.perturbed(drawing().strokes, np.random.default_rng(seed)).tobytes()
        for seed in (5, 5, 6)
    )
    assert first == again != other


def test_points_may_carry_times_and_be_dense_or_repeated() -> None:
    path = np.array([[0, 0, 1], [0, 0, 2], [10, 5, 3], [10, 5, 9], [20, 40, 12]], float)
    plain = canvas.render([path[:, :2]], size=100, brush=0.1, scale=0.8)
    timed = canvas.render([path.tolist()], size=100, brush=0.1, scale=0.8)
    assert plain.tobytes() == timed.tobytes()
    dense = np.stack([np.linspace(0, 1, 5000), np.linspace(0, 1, 5000) ** 2], 1)
    difference = ink_of(canvas.clean([dense])) - ink_of(canvas.clean([dense[::50]]))
    assert np.abs(difference).mean() < 1.0


def test_a_smooth_pen_goes_through_midpoints() -> None:
    corner = [polyline((0, 0), (1, 0), (1, 1))]
    sharp, smooth = (
        ink_of(canvas.render(corner, brush=0.05, scale=0.8, smooth=smooth))
        for smooth in (False, True)
    )
    assert sharp[30:40, 240:250].sum() > smooth[30:40, 240:250].sum()


def test_strokes_without_points_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one stroke"):
        canvas.render([])
