"""Architecture: within its limits, and ending as the exporter expects."""

import keras
import numpy as np
import pytest

from tests.training.recipe import DIGITS_RECIPE
from training.network import architecture


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return architecture.build(DIGITS_RECIPE.network, seed=3)


def test_instances_in_probabilities_out(model: keras.Model) -> None:
    assert model.count_params() <= architecture.MAX_PARAMETERS
    assert model.input_shape == (None, 28, 28, 1)
    assert model.output_shape == (None, 11)
    scores = model(np.random.default_rng(0).random((3, 28, 28, 1), np.float32)).numpy()
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(1), 1.0, atol=1e-5)
    assert isinstance(model.layers[-1], keras.layers.Softmax)  # which the exporter removes


def test_the_seed_decides_the_first_weights(model: keras.Model) -> None:
    same, other = (architecture.build(DIGITS_RECIPE.network, seed=seed) for seed in (3, 4))
    assert (model.get_weights()[0] == same.get_weights()[0]).all()
    assert (model.get_weights()[0] != other.get_weights()[0]).any()
