"""Ink: a round pen on white paper, wherever and however large."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.pens import CROSS, drawing
from training.data import canvas


def ink_of(picture) -> np.ndarray:  # type: ignore[no-untyped-def]
    return 255 - np.asarray(picture).astype(float)


def box(picture) -> tuple[int, int, int, int]:  # type: ignore[no-untyped-def]
    dark = ink_of(picture) > 127
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def test_dark_ink_on_white_paper() -> None:
    picture = canvas.clean(CROSS)
    assert picture.mode == "L"
    assert picture.size == (280, 280)
    assert picture.getpixel((0, 0)) == 255
    assert picture.getpixel((140, 140)) == 0


def test_a_dot_is_a_disc_of_the_brush() -> None:
    picture = canvas.render([np.float32([[3, 3]])], size=200, brush=0.2, scale=0.5)
    area = ink_of(picture).sum() / 255
    assert area == pytest.approx(np.pi * 20**2, rel=0.02)


def test_a_line_is_as_wide_as_the_brush_with_round_ends() -> None:
    picture = canvas.render([np.float32([[0, 0], [1, 0]])], size=200, brush=0.1, scale=0.8)
    area = ink_of(picture).sum() / 255
    assert area == pytest.approx(20 * 140 + np.pi * 10**2, rel=0.02)
    assert np.median(ink_of(picture)[:, 60:140].sum(0) / 255) == pytest.approx(20, abs=0.6)


def test_the_edge_is_antialiased() -> None:
    values = np.unique(np.asarray(canvas.clean(drawing().strokes)))
    assert len(values) > 3


@given(
    brush=st.floats(0.03, 0.1),
    scale=st.floats(0.3, 1.0),
    x=st.floats(-1, 1),
    y=st.floats(-1, 1),
)
@settings(max_examples=40, deadline=None)
def test_the_ink_is_as_large_as_asked_and_never_cut_off(
    brush: float, scale: float, x: float, y: float
) -> None:
    top, bottom, left, right = box(
        canvas.render(drawing().strokes, brush=brush, scale=scale, offset=(x, y))
    )
    longest = max(bottom - top, right - left) + 1
    assert longest == pytest.approx(scale * 280, abs=2.5)
    assert top >= 0
    assert left >= 0
    middle = (left + right + 1) / 2
    expected = 140 + x * (280 - (right - left + 1)) / 2
    assert middle == pytest.approx(expected, abs=2.5)


def test_tidy_is_centred_and_messy_follows_its_generator() -> None:
    top, bottom, left, right = box(canvas.clean(drawing().strokes))
    assert top + bottom == pytest.approx(279, abs=2)
    assert left + right == pytest.approx(279, abs=2)
    first = canvas.perturbed(drawing().strokes, np.random.default_rng(5))
    again = canvas.perturbed(drawing().strokes, np.random.default_rng(5))
    other = canvas.perturbed(drawing().strokes, np.random.default_rng(6))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_points_may_carry_times_and_be_dense_or_repeated() -> None:
    path = np.array([[0, 0, 1], [0, 0, 2], [10, 5, 3], [10, 5, 9], [20, 40, 12]], float)
    plain = canvas.render([path[:, :2]], size=100, brush=0.1, scale=0.8)
    timed = canvas.render([path.tolist()], size=100, brush=0.1, scale=0.8)
    assert plain.tobytes() == timed.tobytes()
    dense = np.stack([np.linspace(0, 1, 5000), np.linspace(0, 1, 5000) ** 2], 1)
    sparse = dense[::50]
    difference = ink_of(canvas.clean([dense])) - ink_of(canvas.clean([sparse]))
    assert np.abs(difference).mean() < 1.0


def test_a_smooth_pen_goes_through_midpoints() -> None:
    corner = [np.float32([[0, 0], [1, 0], [1, 1]])]
    sharp = ink_of(canvas.render(corner, brush=0.05, scale=0.8))
    round_ = ink_of(canvas.render(corner, brush=0.05, scale=0.8, smooth=True))
    assert sharp[30:40, 240:250].sum() > round_[30:40, 240:250].sum()


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one stroke"):
        canvas.render([])
