"""The command: from a data folder to JSON, HDF5 and training metadata."""

import hashlib
import json
from pathlib import Path

import keras
import pytest

from tests.training.recipe import write_configuration
from training import train
from training.data import mnist


def test_the_artefacts_agree_with_each_other(
    data_dir: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--config", write_configuration(folder), "--data", str(data_dir)]
    out = folder / "artifacts"
    assert train.main([*common, "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "step     3 of 6" in printed
    assert "mnist_test_accuracy" in printed

    metadata = json.loads((out / "model_digits.metadata.json").read_text())
    for name, digest in metadata["files"].items():
        assert digest == "sha256:" + hashlib.sha256((out / name).read_bytes()).hexdigest()
    model = keras.models.model_from_json((out / "model_digits.json").read_text())
    model.load_weights(out / "model_digits.weights.h5")
    assert model.count_params() == metadata["parameters"]
    assert metadata["seed"] == 2
    assert metadata["configuration"]["run"]["steps"] == 6
    assert metadata["split"]["sources"] == ["aga", "apb"]
    assert metadata["split"]["digits_of_validation"] == 20
    assert set(metadata["data"]) == {
        "mnist", "pen-strokes", "uji-pen-characters", "lipitk-numerals", "numberpad",
    }  # fmt: skip
    assert set(metadata["data"]["mnist"]["sha256"]) == set(mnist.PUBLISHED)
    assert metadata["cpu_seconds"]["together"] > 0
    of_seed = json.loads((out / "seeds" / "seed-2.json").read_text())
    assert of_seed["metrics"] == metadata["metrics"]

    # Resumed after its last step, the training measures the same network again.
    again = folder / "again"
    assert train.main([*common, "--output", str(again), "--resume", "--measure-only"]) == 0
    assert "Resumed after step 6" in capsys.readouterr().out
    assert [path.name for path in again.rglob("*.*") if path.is_file()] == ["seed-2.json"]
    repeated = json.loads((again / "seeds" / "seed-2.json").read_text())
    assert repeated["metrics"] == metadata["metrics"]


def test_mnist_alone_is_trained_with_the_given_seed_and_not_stored(
    data_dir: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "artifacts"
    config = write_configuration(folder, mnist=16, pen=0, negative=0)
    options = ["--config", config, "--data", str(data_dir), "--output", str(out), "--seed", "3"]
    assert train.main(options) == 0
    assert "mnist_test_accuracy" in capsys.readouterr().out
    assert not out.exists()
    assert (folder / "var" / "small-3").is_dir()


def test_a_wrong_configuration_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_missing_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--data", str(tmp_path)]) == 2
    assert "--data must name" in capsys.readouterr().err
