"""The seed's CNN: its shape, its training's path, and the artefacts that ship."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.harness.needs import need
from training import baseline
from training.data import mnist
from training.export import ARTIFACTS, check_digits, load_network


def test_the_network_is_the_seeds() -> None:
    model = baseline.build()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "Conv2D",
        "MaxPooling2D",
        "Conv2D",
        "MaxPooling2D",
        "Dropout",
        "Flatten",
        "Dense",
        "Dense",
        "Softmax",
    ]
    assert [model.layers[0].filters, model.layers[2].filters] == [32, 64]
    assert model.layers[0].kernel_size == model.layers[2].kernel_size == (5, 5)
    assert model.layers[4].rate == 0.25
    assert model.layers[6].units == 1024
    assert model.count_params() == 1_111_946


def test_training_and_saving(tmp_path: Path) -> None:
    images = (check_digits()[..., 0] * 255).astype(np.uint8)
    labels = np.repeat(np.arange(10), 20).astype(np.uint8)
    model = baseline.build(seed=3)
    before = baseline.test_accuracy(model, images, labels)
    seconds = baseline.train(model, images, labels, seed=3, epochs=6, verbose=0)
    after = baseline.test_accuracy(model, images, labels)
    assert seconds > 0
    assert after > before + 0.2
    made = baseline.how_it_was_made(
        seed=3, accuracy=after, cpu_seconds=seconds, parameters=model.count_params(), data={}
    )
    baseline.save(model, made, output=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model_mnist.json",
        "model_mnist.made.json",
        "model_mnist.weights.h5",
    ]
    network = load_network(
        tmp_path / "model_mnist.json",
        tmp_path / "model_mnist.weights.h5",
        tmp_path / "model_mnist.made.json",
    )
    assert network.made["seed"] == 3
    assert baseline.test_accuracy(network.model, images, labels) == pytest.approx(after)
    # Weights alone: an optimiser's moments would make it three times as large.
    assert (tmp_path / "model_mnist.weights.h5").stat().st_size < 5_000_000


def test_a_missing_folder_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert baseline.main(["--data", str(tmp_path)]) == 2
    assert "mnist" in capsys.readouterr().err


@pytest.mark.data
def test_what_ships_reads_what_it_says() -> None:
    need(mnist.DEFAULT_FOLDER.is_dir(), f"{mnist.DEFAULT_FOLDER} (the four IDX files of MNIST)")
    images, labels = mnist.load()[1]
    name = baseline.NAME
    network = load_network(ARTIFACTS / f"{name}.json", ARTIFACTS / f"{name}.weights.h5")
    made = json.loads((ARTIFACTS / f"{name}.made.json").read_text())
    accuracy = baseline.test_accuracy(network.model, images, labels)
    assert accuracy >= 0.9933
    assert accuracy == pytest.approx(made["metrics"]["mnist_test_accuracy"], abs=2e-4)
