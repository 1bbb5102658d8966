"""The network: within its limits, ending as the exporter and the site expect."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from training.configuration import CONFIGS, read_configuration
from training.network import architecture
from training.train import ARTIFACTS, NAME


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return architecture.build(read_configuration(CONFIGS / "digits.toml").network, seed=3)


def test_it_has_at_most_a_million_parameters(model: keras.Model) -> None:
    assert model.count_params() <= architecture.MAX_PARAMETERS


def test_instances_in_probabilities_out(model: keras.Model) -> None:
    assert model.input_shape == (None, 28, 28, 1)
    assert model.output_shape == (None, 11)
    scores = model(np.random.default_rng(0).random((3, 28, 28, 1), np.float32)).numpy()
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(1), 1.0, atol=1e-5)
    assert isinstance(model.layers[-1], keras.layers.Softmax)  # where the exporter cuts


def test_the_seed_decides_the_first_weights(model: keras.Model) -> None:
    recipe = read_configuration(CONFIGS / "digits.toml").network
    same, other = architecture.build(recipe, seed=3), architecture.build(recipe, seed=4)
    assert (model.get_weights()[0] == same.get_weights()[0]).all()
    assert (model.get_weights()[0] != other.get_weights()[0]).any()


def shipped(end: str) -> Path:
    return ARTIFACTS / f"{NAME}{end}"


def test_the_shipped_json_and_h5_belong_together_and_to_how_they_were_made() -> None:
    made = json.loads(shipped(".made.json").read_text())
    model = keras.models.model_from_json(shipped(".json").read_text())
    model.load_weights(shipped(".weights.h5"))
    assert model.count_params() == made["parameters"] <= architecture.MAX_PARAMETERS
    assert model.output_shape[-1] == made["classes"] == architecture.CLASSES
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}


def test_the_shipped_figures_keep_what_is_promised() -> None:
    made = json.loads(shipped(".made.json").read_text())
    metrics = made["metrics"]
    assert metrics["refused_digits"] <= 0.01
    assert metrics["pen_tidy_accuracy"] >= 0.992
    assert metrics["pen_messy_accuracy"] >= 0.992
    assert metrics["auroc_seen_letters"] >= 0.997
    assert metrics["auroc_unseen_letters"] >= 0.995
    assert made["cpu_seconds"]["together"] > 0
    assert 0.2 <= made["temperature"] <= 5
    assert 0.5 <= made["thresholds"]["not_a_digit"] < 1
    assert made["split"]["held_out_donors"] == ["aga", "lou", "pri"]


def test_every_seed_was_trained_alike() -> None:
    results = [json.loads(path.read_text()) for path in (ARTIFACTS / "seeds").glob("seed-*.json")]
    assert results
    recipes = []
    for result in results:
        recipe = dict(result["configuration"])
        recipe["run"] = {k: v for k, v in recipe["run"].items() if k != "seed"}
        recipes.append(json.dumps(recipe, sort_keys=True))
    assert len(set(recipes)) == 1


def test_what_ships_was_made_by_the_configuration_that_ships() -> None:
    made = json.loads(shipped(".made.json").read_text())
    recipe = read_configuration(CONFIGS / "digits.toml").as_dict()
    assert made["configuration"] == json.loads(json.dumps(recipe))
