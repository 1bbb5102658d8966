"""Stroke augmentation keeps the strokes of a character, and repeats itself by seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.pens import CROSS, drawing
from training.data.stroke_augmentation import augment
from training.data.strokes import polyline


@given(seed=st.integers(0, 2**32), strength=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_strokes_are_kept_and_finite(seed: int, strength: float) -> None:
    augmented = augment(CROSS, np.random.default_rng(seed), strength=strength)
    assert len(augmented) == 2
    points = np.concatenate(augmented)
    assert np.isfinite(points).all()
    assert 0.5 < (points.max(0) - points.min(0)).max() < 2.5


def test_strength_0_changes_the_scale_only() -> None:
    for seed in range(20):
        augmented = augment(CROSS, np.random.default_rng(seed), strength=0.0)
        points = np.concatenate(augmented)
        assert points.min(0) == pytest.approx([-0.5, -0.5], abs=1e-6)
        assert points.max(0) == pytest.approx([0.5, 0.5], abs=1e-6)
        assert np.abs(augmented[0][:, 1]).max() < 1e-6  # the bar of the cross is still straight


def test_the_same_seed_gives_the_same_strokes() -> None:
    one, two = (augment(drawing().strokes, np.random.default_rng(3)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_a_dot_stays_a_dot() -> None:
    [dot] = augment([polyline((5, 5))], np.random.default_rng(0))
    assert dot.shape == (1, 2)
