"""From JSON plus HDF5 to a version: complete and with the same answers, or nothing."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from serving.versions.card import read_card, verify_files
from serving.versions.declared_tensors import MAX_BATCH, WARM_UP, check_declared_tensors
from tests.training.small_network import small_network
from training import export as export_module
from training import trained_network
from training.export import WARM_UP_BATCHES, ExportError, check_digits, export, main
from training.network.calibration import at_temperature
from training.paths import ROOT
from training.trained_network import TrainedNetwork

METADATA = {
    "title": "A test's network",
    "made_at": "2026-01-02T03:04:05+00:00",
    "temperature": 1.7,
    "thresholds": {"digit_confidence": 0.7, "not_a_digit": 0.6},
    "metrics": {"mnist_test_accuracy": 0.1},
}


@pytest.fixture
def network() -> TrainedNetwork:
    return TrainedNetwork(small_network(), {})


@pytest.mark.parametrize("softmax_layer", [True, False])
def test_a_version_answers_as_its_network_at_its_temperature(
    tmp_path: Path, softmax_layer: bool
) -> None:
    model = small_network(softmax_layer=softmax_layer)
    target = export(TrainedNetwork(model, METADATA), 3, output=tmp_path / "digits")
    assert target == tmp_path / "digits" / "3"
    assert [entry.name for entry in target.parent.iterdir()] == ["3"]
    signature = tf.saved_model.load(str(target)).signatures["serving_default"]
    ((name, spec),) = signature.structured_input_signature[1].items()
    assert (name, spec.shape.as_list(), spec.dtype) == ("image", [None, 28, 28, 1], tf.float32)
    ((name, spec),) = signature.structured_outputs.items()
    assert (name, spec.shape.as_list(), spec.dtype) == ("probabilities", [None, 11], tf.float32)
    digits = check_digits()
    answers = signature(image=tf.constant(digits))["probabilities"].numpy()
    raw = np.asarray(model(digits, training=False))
    assert np.abs(answers - at_temperature(raw, 1.7)).max() < 1e-5
    assert np.abs(answers - raw).max() > 1e-3  # the temperature is in the graph
    card = read_card(target)
    verify_files(target, card)
    assert (card.version, card.classes, card.temperature) == (3, 11, 1.7)
    assert card.thresholds.digit_confidence == 0.7
    assert card.parameters == model.count_params()


def test_the_warm_up_covers_the_batch_sizes(network: TrainedNetwork, tmp_path: Path) -> None:
    from tensorflow_serving.apis import prediction_log_pb2

    target = export(network, 1, output=tmp_path)
    sizes = []
    for record in tf.data.TFRecordDataset(str(target / WARM_UP)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        image = tf.make_ndarray(log.predict_log.request.inputs["image"])
        assert image.shape[1:] == (28, 28, 1)
        sizes.append(len(image))
    assert tuple(sizes) == WARM_UP_BATCHES
    assert max(sizes) == MAX_BATCH
    assert check_declared_tensors(target) == len(sizes)


def test_a_number_is_used_once(network: TrainedNetwork, tmp_path: Path) -> None:
    (tmp_path / "4").mkdir()
    with pytest.raises(ExportError, match="next free number is 5"):
        export(network, 4, output=tmp_path)
    with pytest.raises(ExportError, match="from 1 on"):
        export(network, 0, output=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["4"]


def test_a_graph_with_other_answers_leaves_nothing_behind(
    network: TrainedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_graph = export_module._write_graph
    hotter = TrainedNetwork(network.model, {"temperature": 3.0})
    seen: list[str] = []

    def write_another(_: TrainedNetwork, directory: Path) -> None:
        write_graph(hotter, directory)
        seen.extend(entry.name for entry in tmp_path.iterdir())

    monkeypatch.setattr(export_module, "_write_graph", write_another)
    with pytest.raises(ExportError, match="differ by"):
        export(network, 1, output=tmp_path)
    assert len(seen) == 1
    assert not seen[0].isdigit()  # the draft does not look like a version
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_softmax_is_refused(tmp_path: Path) -> None:
    bare = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)])
    with pytest.raises(ExportError, match="softmax"):
        export(TrainedNetwork(bare, {}), 1, output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = trained_network.files_of("net", tmp_path)
    trained_network.save(TrainedNetwork(small_network(), METADATA), files)
    command = ["--version", "1", "--architecture", str(files.architecture)]
    command += ["--output", str(tmp_path / "out")]
    assert main(command) == 0
    assert "11 classes" in capsys.readouterr().out
    assert read_card(tmp_path / "out" / "1").title == "A test's network"
    assert main(command) == 1
    assert "exists" in capsys.readouterr().err
    assert main([*command, "--metadata", str(tmp_path / "none.json")]) == 1
    assert "none.json is missing" in capsys.readouterr().err


def test_the_script_runs_the_command() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "export_savedmodel.py", "--version", "1"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "1 exists, and a version never changes" in done.stderr
