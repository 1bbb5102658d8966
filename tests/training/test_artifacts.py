"""The bundled artifacts: networks, training metadata and exported versions belong together."""

import json

import numpy as np
import pytest
import tensorflow as tf

from serving.versions.card import read_card
from tests.harness.needs import need
from tests.training.recipe import DIGITS_RECIPE
from training import trained_network
from training.data import mnist
from training.data.pen_strokes import COLLECTIONS
from training.export import check_digits
from training.network import architecture
from training.network.calibration import at_temperature
from training.paths import ARTIFACTS, MODELS
from training.trained_network import BASELINE, DIGITS, TrainedNetwork

VERSIONS = sorted(int(path.name) for path in MODELS.iterdir() if path.name.isdigit())


@pytest.fixture(scope="module")
def networks() -> dict[str, TrainedNetwork]:
    return {
        name: trained_network.load(trained_network.files_of(name)) for name in (BASELINE, DIGITS)
    }


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def signature(version: int) -> tf.types.experimental.GenericFunction:
    return tf.saved_model.load(str(MODELS / str(version))).signatures["serving_default"]


def test_the_network_is_the_one_of_its_metadata(networks: dict[str, TrainedNetwork]) -> None:
    model, metadata = networks[DIGITS].model, networks[DIGITS].metadata
    assert model.count_params() == metadata["parameters"] <= architecture.MAX_PARAMETERS
    assert model.output_shape[-1] == metadata["classes"] == architecture.CLASSES
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    recipe = DIGITS_RECIPE.as_dict()
    assert metadata["configuration"] == json.loads(json.dumps(recipe))


def test_the_metrics_keep_what_is_promised(networks: dict[str, TrainedNetwork]) -> None:
    metadata = networks[DIGITS].metadata
    metrics = metadata["metrics"]
    assert metrics["refused_digits"] <= 0.01
    assert metrics["pen_clean_accuracy"] >= 0.985
    assert metrics["pen_perturbed_accuracy"] >= 0.985
    assert metrics["auroc_seen_letters"] >= 0.994
    assert metrics["auroc_unseen_letters"] >= 0.995
    assert metadata["cpu_seconds"]["together"] > 0
    assert 0.2 <= metadata["temperature"] <= 5
    assert 0.5 <= metadata["thresholds"]["not_a_digit"] < 1
    assert {"syn", "aga", "ujipenchars2", "lipitk", "numberpad"} <= set(
        metadata["split"]["sources"]
    )


def test_the_card_names_every_data_set_with_its_licence_and_checksums() -> None:
    named = read_card(MODELS / str(VERSIONS[-1])).data
    assert set(named) == {"mnist", *(each.folder for each in COLLECTIONS)}
    for part in named.values():
        assert part["title"]
        assert part["licence"]
        assert all(len(digest) == 64 for digest in part["sha256"].values())


def test_all_seeds_were_trained_with_one_recipe() -> None:
    recipes = set()
    for path in (ARTIFACTS / "seeds").glob("seed-*.json"):
        recipe = json.loads(path.read_text())["configuration"]
        del recipe["run"]["seed"]
        recipes.add(json.dumps(recipe, sort_keys=True))
    assert len(recipes) == 1


def test_a_version_answers_as_the_network_it_was_exported_from(
    version: int,
    networks: dict[str, TrainedNetwork],
    signature: tf.types.experimental.GenericFunction,
) -> None:
    network = networks[trained_network.name_of(version)]
    card = read_card(MODELS / str(version))
    assert card.made_at == network.metadata["made_at"]
    stated = network.metadata["metrics"]["mnist_test_accuracy"]
    assert card.metrics["mnist_test_accuracy"] == stated
    digits = check_digits()
    answers = signature(image=tf.constant(digits))["probabilities"].numpy()
    expected = at_temperature(np.asarray(network.model(digits)), network.temperature)
    assert np.abs(answers - expected).max() < 1e-4
    assert (answers.argmax(1) == np.repeat(np.arange(10), 20)).mean() >= 0.98


@pytest.mark.data
def test_a_version_has_the_accuracy_of_its_card(
    version: int, signature: tf.types.experimental.GenericFunction
) -> None:
    need(mnist.DEFAULT_FOLDER.is_dir(), f"{mnist.DEFAULT_FOLDER} (the four IDX files of MNIST)")
    images, labels = mnist.load()[1]
    right = 0
    for start in range(0, len(images), 500):
        batch = tf.constant(images[start : start + 500, ..., np.newaxis] / np.float32(255))
        predicted = signature(image=batch)["probabilities"].numpy().argmax(1)
        right += int((predicted == labels[start : start + 500]).sum())
    stated = read_card(MODELS / str(version)).metrics["mnist_test_accuracy"]
    assert right / len(images) == pytest.approx(stated, abs=2e-4)
    assert right / len(images) >= 0.9933
