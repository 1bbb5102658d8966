"""Occlusion maps: covering ink that decides changes the answer, and the map says where it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from serving.occlusion import (
    MAX_INSTANCES,
    SIDE,
    WINDOW,
    occlude,
    occlusion_map,
    windows_on,
)

pictures = arrays(np.float32, (SIDE, SIDE), elements=st.sampled_from([0.0, 0.5, 1.0]))


def seven() -> NDArray[np.float32]:
    """Return a 7: a bar at the top, and a stem."""
    instance = np.zeros((SIDE, SIDE), np.float32)
    instance[4:7, 6:21] = 1
    instance[7:24, 16:19] = 1
    return instance


def likely_by_the_bar(instances: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probability that a model gives which looks at the left half of the bar alone."""
    probabilities: NDArray[np.float64] = instances[:, 4:7, 6:12].mean(axis=(1, 2)).astype(float)
    return probabilities


def test_covering_the_decisive_stroke_matters_and_covering_the_rest_does_not() -> None:
    instance = seven()
    windows = windows_on(instance)
    found = occlusion_map(likely_by_the_bar(occlude(instance, windows)), windows, instance=instance)
    assert found.shape == (SIDE, SIDE)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert 4 <= row < 7
    assert 6 <= column < 12
    assert found[5, 9] > 0.5
    assert (found[instance == 0] == 0).all()
    assert (found[14:] == 0).all()  # below the windows that reach the bar


def test_ink_that_speaks_against_a_class_is_negative() -> None:
    instance = seven()
    windows = windows_on(instance)
    found = occlusion_map(
        1 - likely_by_the_bar(occlude(instance, windows)), windows, instance=instance
    )
    assert found.min() < -0.5
    assert found.max() == 0


@given(instance=pictures)
def test_every_pixel_with_ink_is_covered_once_at_least(instance: NDArray[np.float32]) -> None:
    windows = windows_on(instance)
    instances = occlude(instance, windows)
    assert len(instances) == 1 + len(windows) <= MAX_INSTANCES
    assert np.array_equal(instances[0], instance)
    reached = np.zeros((SIDE, SIDE), bool)
    for covered, (row, column) in zip(instances[1:], windows, strict=True):
        inside = np.zeros((SIDE, SIDE), bool)
        inside[row : row + WINDOW, column : column + WINDOW] = True
        assert (covered[inside] == 0).all()
        assert np.array_equal(covered[~inside], instance[~inside])
        reached |= inside
    left_out = 1 if len(windows) == MAX_INSTANCES - 1 else 0
    assert (instance[~reached] > 0).sum() <= left_out * WINDOW**2


def test_a_sheet_full_of_ink_fits_into_one_call() -> None:
    full = np.ones((SIDE, SIDE), np.float32)
    assert len(windows_on(full)) == MAX_INSTANCES - 1


def test_a_blank_instance_has_no_window() -> None:
    blank = np.zeros((SIDE, SIDE), np.float32)
    assert windows_on(blank) == []
    assert occlusion_map(np.array([0.5]), [], instance=blank) == pytest.approx(0)
