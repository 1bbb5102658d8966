"""Distortion keeps a character what it is; styles are what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.pens import CROSS, drawing
from training.data import stroke_augmentation


@given(seed=st.integers(0, 2**32), strength=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_distortion_keeps_the_strokes_and_stays_finite(seed: int, strength: float) -> None:
    rng = np.random.default_rng(seed)
    bent = stroke_augmentation.distort(CROSS, rng, strength=strength)
    assert len(bent) == 2
    points = np.concatenate(bent)
    assert np.isfinite(points).all()
    assert 0.5 < (points.max(0) - points.min(0)).max() < 2.5


def test_strength_nothing_changes_nothing_but_the_scale() -> None:
    for seed in range(20):
        bent = stroke_augmentation.distort(CROSS, np.random.default_rng(seed), strength=0.0)
        points = np.concatenate(bent)
        assert points.min(0) == pytest.approx([-0.5, -0.5], abs=1e-6)
        assert points.max(0) == pytest.approx([0.5, 0.5], abs=1e-6)
        assert np.abs(bent[0][:, 1]).max() < 1e-6  # the bar of the cross is still straight


def test_the_same_generator_bends_the_same_way() -> None:
    one, two = (
        stroke_augmentation.distort(drawing().strokes, np.random.default_rng(3)) for _ in range(2)
    )
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_a_dot_stays_a_dot() -> None:
    [dot] = stroke_augmentation.distort([np.float32([[5, 5]])], np.random.default_rng(0))
    assert dot.shape == (1, 2)


@pytest.mark.parametrize("label", list(stroke_augmentation.STYLES))
def test_every_style_draws(label: str) -> None:
    rng = np.random.default_rng(int(label))
    for _ in range(50):
        strokes = stroke_augmentation.in_style(label, rng)
        points = np.concatenate(strokes)
        assert points.dtype == np.float32
        assert np.isfinite(points).all()
        assert 0.7 < np.ptp(points[:, 1]) < 1.6  # about one high


def test_a_flag_is_steeper_than_a_sevens_bar() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        flag = stroke_augmentation.flagged_one(rng)[0][:2]
        assert abs(flag[0, 1] - flag[1, 1]) >= 0.55 * abs(flag[0, 0] - flag[1, 0])


def test_an_open_eight_is_open_at_the_top() -> None:
    [path] = stroke_augmentation.open_eight(np.random.default_rng(4))
    gap = float(np.hypot(*(path[0] - path[-1])))
    assert gap > 0.03
    assert path[0, 1] < 0.25


def test_somebodys_digit_gets_a_style_and_others_do_not() -> None:
    rng = np.random.default_rng(0)
    assert len(stroke_augmentation.with_style(drawing("0").strokes, "0", rng)) == 2
    assert len(stroke_augmentation.with_style(drawing("3").strokes, "3", rng)) == 1
    seven = [np.float32([[0, 0], [600, 0], [500, 300], [400, 500], [300, 700], [200, 1000]])]
    assert len(stroke_augmentation.with_style(seven, "7", rng)) == 2


def test_a_label_without_styles_is_refused() -> None:
    with pytest.raises(KeyError):
        stroke_augmentation.in_style("3", np.random.default_rng(0))
