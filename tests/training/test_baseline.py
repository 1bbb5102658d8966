"""The baseline CNN: its shape, and its training down to the files."""

from pathlib import Path

import numpy as np
import pytest

from training import baseline, trained_network
from training.data.instances import Instances
from training.export import check_digits
from training.network.inference import accuracy
from training.trained_network import TrainedNetwork


def test_the_network_is_the_one_of_the_original_demo() -> None:
    model = baseline.build()
    kinds = [type(layer).__name__ for layer in model.layers]
    convolutions = ["Conv2D", "MaxPooling2D"] * 2
    assert kinds == [*convolutions, "Dropout", "Flatten", "Dense", "Dense", "Softmax"]
    assert [model.layers[0].filters, model.layers[2].filters] == [32, 64]
    assert model.layers[0].kernel_size == model.layers[2].kernel_size == (5, 5)
    assert model.layers[4].rate == 0.25
    assert model.layers[6].units == 1024
    assert model.count_params() == 1_111_946


def test_training_and_saving(tmp_path: Path) -> None:
    digits = Instances(
        (check_digits()[..., 0] * 255).astype(np.uint8),
        np.repeat(np.arange(10, dtype=np.int32), 20),
    )
    before = accuracy(baseline.build(seed=3), digits)
    model = baseline.train(digits, seed=3, epochs=6, verbose=0)
    after = accuracy(model, digits)
    assert after > before + 0.2
    metadata = baseline.metadata_of(model, seed=3, accuracy=after, cpu_seconds=1.0, data={})
    files = trained_network.files_of("model_mnist", tmp_path)
    trained_network.save(TrainedNetwork(model, metadata), files)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model_mnist.json",
        "model_mnist.metadata.json",
        "model_mnist.weights.h5",
    ]
    network = trained_network.load(files)
    assert network.metadata["seed"] == 3
    assert set(network.metadata["files"]) == {"model_mnist.json", "model_mnist.weights.h5"}
    assert accuracy(network.model, digits) == pytest.approx(after)
    assert files.weights.stat().st_size < 5_000_000  # without the optimiser's moments


def test_a_missing_folder_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert baseline.main(["--data", str(tmp_path)]) == 2
    assert f"no folder {tmp_path}/mnist" in capsys.readouterr().err
