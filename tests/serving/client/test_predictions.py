"""The documents of `:predict`: what is written can be read back unchanged."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from serving.client.predictions import request_body

INSTANCES = arrays(
    np.float32,
    (2, 28, 28),
    elements=st.floats(0, 1, width=32)
    | st.integers(0, 255).map(lambda grey: np.float32(grey) / 255),
    fill=st.just(0.0),
)


def sent(instances: np.ndarray) -> np.ndarray:
    """Returns the instances as a server reads them: as doubles, made floats."""
    return np.array(json.loads(request_body(instances))["instances"], np.float64)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(INSTANCES)
def test_float32_values_arrive_unchanged(instances: np.ndarray) -> None:
    np.testing.assert_array_equal(sent(instances)[..., 0].astype(np.float32), instances)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_part_of_an_array_in_any_order_arrives(dtype: type) -> None:
    instances: NDArray[Any] = (
        np.random.default_rng(3).random((28, 28, 4)).astype(dtype).transpose(2, 1, 0)[::2]
    )
    np.testing.assert_array_equal(sent(instances)[..., 0].astype(dtype), instances)


def test_a_number_has_as_few_digits_as_a_float_needs() -> None:
    """Python's json makes a double of it, with up to 17 digits."""
    instance = np.full((1, 28, 28), 240 / 255, np.float32)
    assert b"[0.9411765]" in request_body(instance)
