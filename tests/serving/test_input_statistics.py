"""Features of instances, and the population stability index."""

import numpy as np
import pytest

from serving.input_statistics import (
    FEATURES,
    Distribution,
    ink_features,
    instance_features,
    reference,
)

RNG = np.random.default_rng(1)


def bar(width: int, *, left: int = 10, top: int = 4, height: int = 20) -> np.ndarray:
    """Returns an instance with one upright bar."""
    instance = np.zeros((28, 28), np.uint8)
    instance[top : top + height, left : left + width] = 255
    return instance


def test_features_of_a_bar() -> None:
    found = instance_features(bar(4)[None])
    assert found["ink"][0] == pytest.approx(80 / 784)
    assert (found["centre_x"][0], found["centre_y"][0]) == (12, 14)
    assert found["aspect"][0] == pytest.approx(np.log2(4 / 20))
    # 80 pixels of ink, and an outline of 48 of which half is counted
    assert found["stroke_width"][0] == pytest.approx(80 / 24)


def test_a_blank_instance_has_finite_features() -> None:
    found = instance_features(np.zeros((2, 28, 28), np.uint8))
    assert all(np.isfinite(values).all() for values in found.values())


def test_the_index_is_near_zero_without_drift_and_large_with_it() -> None:
    distribution = Distribution.of(RNG.normal(size=3000))
    same = distribution.psi(RNG.normal(size=2000))
    assert 0 <= same < 0.03  # (10 - 1) (1/3000 + 1/2000) = 0.0075 is expected
    assert distribution.psi(RNG.normal(loc=0.3, size=2000)) > same
    assert distribution.psi(RNG.normal(loc=1.0, size=2000)) > 0.25


def test_values_that_are_often_the_same_make_fewer_bins() -> None:
    distribution = Distribution.of(np.repeat([1.0, 2.0, 5.0], [70, 25, 5]))
    assert sum(distribution.shares) == pytest.approx(1)
    assert distribution.psi(np.repeat([1.0, 2.0, 5.0], [700, 250, 50])) < 0.01
    assert distribution.psi(np.full(100, 9.0)) > 0.25


def test_the_reference_has_every_feature() -> None:
    assert set(reference()) == set(FEATURES)
    for distribution in reference().values():
        assert len(distribution.shares) == len(distribution.edges) + 1
        assert sum(distribution.shares) == pytest.approx(1)
    assert set(ink_features([[[[0, 0, 0]]]])) <= set(FEATURES)
