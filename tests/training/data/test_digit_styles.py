"""Digit styles: each has the shape that its name promises."""

import numpy as np
import pytest

from tests.training.pens import drawing
from training.data import digit_styles
from training.data.strokes import polyline


@pytest.mark.parametrize("label", list(digit_styles.STYLES))
def test_every_style_is_about_one_unit_high(label: str) -> None:
    rng = np.random.default_rng(int(label))
    for _ in range(50):
        points = np.concatenate(digit_styles.in_style(label, rng))
        assert points.dtype == np.float32
        assert np.isfinite(points).all()
        assert 0.7 < np.ptp(points[:, 1]) < 1.6


def test_the_flag_of_a_1_is_steeper_than_the_bar_of_a_7() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        flag = digit_styles.flagged_one(rng)[0][:2]
        assert abs(flag[0, 1] - flag[1, 1]) >= 0.55 * abs(flag[0, 0] - flag[1, 0])


def test_an_open_8_is_open_at_the_top() -> None:
    [path] = digit_styles.open_eight(np.random.default_rng(4))
    assert float(np.hypot(*(path[0] - path[-1]))) > 0.03
    assert path[0, 1] < 0.25


def test_only_some_digits_get_a_further_stroke() -> None:
    rng = np.random.default_rng(0)
    assert len(digit_styles.with_style(drawing("0").strokes, "0", rng)) == 2
    assert len(digit_styles.with_style(drawing("3").strokes, "3", rng)) == 1
    seven = [polyline((0, 0), (600, 0), (500, 300), (400, 500), (300, 700), (200, 1000))]
    assert len(digit_styles.with_style(seven, "7", rng)) == 2


def test_a_label_without_styles_is_refused() -> None:
    with pytest.raises(KeyError):
        digit_styles.in_style("3", np.random.default_rng(0))
