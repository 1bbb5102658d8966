"""From JSON plus HDF5 to a version: the same answers, or nothing at all."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from serving.versions.card import read_card, verify_files
from tests.harness.needs import need
from training import export as exporting
from training.data import mnist
from training.export import (
    ARTIFACTS,
    OUTPUT,
    WARM_UP,
    WARM_UP_BATCHES,
    ExportError,
    Network,
    at_temperature,
    check_digits,
    export,
    load_network,
    main,
)

VERSIONS = sorted(int(path.name) for path in OUTPUT.iterdir() if path.name.isdigit())


def small(classes: int = 11, *, softmax_layer: bool = True) -> keras.Model:
    keras.utils.set_random_seed(0)
    top = [layers.Dense(classes), layers.Softmax()] if softmax_layer else []
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 5, strides=4, activation="relu"),
            layers.Flatten(),
            *(top or [layers.Dense(classes, activation="softmax")]),
        ]
    )


MADE = {
    "title": "A test's network",
    "made_at": "2026-01-02T03:04:05+00:00",
    "temperature": 1.7,
    "thresholds": {"digit_confidence": 0.7, "not_a_digit": 0.6},
    "metrics": {"mnist_test_accuracy": 0.1},
}


@pytest.mark.parametrize("softmax_layer", [True, False])
def test_a_version_answers_as_its_network_at_its_temperature(
    tmp_path: Path, softmax_layer: bool
) -> None:
    model = small(softmax_layer=softmax_layer)
    target = export(Network(model=model, made=MADE), 3, output=tmp_path / "digits")
    assert target == tmp_path / "digits" / "3"
    assert [entry.name for entry in target.parent.iterdir()] == ["3"]
    signature = tf.saved_model.load(str(target)).signatures["serving_default"]
    ((name, spec),) = signature.structured_input_signature[1].items()
    assert (name, spec.shape.as_list(), spec.dtype) == ("image", [None, 28, 28, 1], tf.float32)
    ((name, spec),) = signature.structured_outputs.items()
    assert (name, spec.shape.as_list(), spec.dtype) == ("probabilities", [None, 11], tf.float32)
    digits = check_digits()
    answer = signature(image=tf.constant(digits))["probabilities"].numpy()
    raw = np.asarray(model(digits, training=False))
    assert np.abs(answer - at_temperature(raw, 1.7)).max() < 1e-5
    assert np.abs(answer - raw).max() > 1e-3  # the temperature is in the graph
    card = read_card(target)
    verify_files(target, card)
    assert (card.version, card.classes, card.temperature) == (3, 11, 1.7)
    assert card.thresholds.digit_confidence == 0.7
    assert card.parameters == model.count_params()


def test_the_warm_up_covers_the_batches(tmp_path: Path) -> None:
    from tensorflow_serving.apis import prediction_log_pb2

    target = export(Network(model=small(), made={}), 1, output=tmp_path)
    sizes = []
    for record in tf.data.TFRecordDataset(str(target / WARM_UP)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        image = tf.make_ndarray(log.predict_log.request.inputs["image"])
        assert image.shape[1:] == (28, 28, 1)
        sizes.append(len(image))
    assert tuple(sizes) == WARM_UP_BATCHES


def test_a_number_is_used_once(tmp_path: Path) -> None:
    network = Network(model=small(), made={})
    (tmp_path / "4").mkdir()
    with pytest.raises(ExportError, match="next free number is 5"):
        export(network, 4, output=tmp_path)
    with pytest.raises(ExportError, match="from 1 on"):
        export(network, 0, output=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["4"]


def test_other_answers_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = exporting._write_graph
    other = Network(model=small(), made={"temperature": 3.0})
    monkeypatch.setattr(exporting, "_write_graph", lambda _, path: write(other, path))
    with pytest.raises(ExportError, match="differ by"):
        export(Network(model=other.model, made={}), 1, output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_softmax_is_refused(tmp_path: Path) -> None:
    bare = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)])
    with pytest.raises(ExportError, match="softmax"):
        export(Network(model=bare, made={}), 1, output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def _saved(folder: Path, model: keras.Model) -> None:
    (folder / "net.json").write_text(model.to_json())
    model.save_weights(folder / "net.weights.h5")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _saved(tmp_path, small())
    (tmp_path / "net.made.json").write_text(json.dumps(MADE))
    command = ["--version", "1", "--architecture", str(tmp_path / "net.json")]
    command += ["--output", str(tmp_path / "out")]
    assert main(command) == 0
    assert "11 classes" in capsys.readouterr().out
    assert read_card(tmp_path / "out" / "1").title == "A test's network"
    assert main(command) == 1
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "net.weights.h5").unlink(), "is missing"),
        (lambda folder: (folder / "net.json").write_text("{}"), "no Keras architecture"),
        (lambda folder: (folder / "net.weights.h5").write_bytes(b"no"), "does not hold"),
        (lambda folder: _saved(folder, small(12)), "10 or 11"),
    ],
)
def test_what_is_wrong_with_a_network_is_named(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    _saved(tmp_path, small())
    spoil(tmp_path)
    with pytest.raises(ExportError, match=said):
        load_network(tmp_path / "net.json", tmp_path / "net.weights.h5")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_ships_is_the_network_that_is_kept(version: int) -> None:
    card = read_card(OUTPUT / str(version))
    name = exporting.NETWORKS.get(version, exporting.LATER_NETWORK)
    network = load_network(
        *(ARTIFACTS / f"{name}{end}" for end in (".json", ".weights.h5", ".made.json"))
    )
    assert card.made_at == network.made["made_at"]
    signature = tf.saved_model.load(str(OUTPUT / str(version))).signatures["serving_default"]
    digits = check_digits()
    answer = signature(image=tf.constant(digits))["probabilities"].numpy()
    wanted = at_temperature(np.asarray(network.model(digits)), network.temperature)
    assert np.abs(answer - wanted).max() < 1e-4
    assert (answer.argmax(1) == np.repeat(np.arange(10), 20)).mean() >= 0.98


@pytest.mark.data
@pytest.mark.parametrize("version", VERSIONS)
def test_what_ships_reads_mnist(version: int) -> None:
    need(mnist.DEFAULT_FOLDER.is_dir(), f"{mnist.DEFAULT_FOLDER} (the four IDX files of MNIST)")
    images, labels = mnist.load()[1]
    signature = tf.saved_model.load(str(OUTPUT / str(version))).signatures["serving_default"]
    right = 0
    for start in range(0, len(images), 500):
        batch = tf.constant(images[start : start + 500, ..., np.newaxis] / np.float32(255))
        answer = signature(image=batch)["probabilities"].numpy()[:, :10]
        right += int((answer.argmax(1) == labels[start : start + 500]).sum())
    assert right / len(images) >= 0.9933


def test_the_draft_is_never_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def look(network: Network, directory: Path) -> None:
        seen.extend(entry.name for entry in tmp_path.iterdir())
        shutil.rmtree(directory)
        raise ExportError("enough")

    monkeypatch.setattr(exporting, "_same_answers", look)
    with pytest.raises(ExportError, match="enough"):
        export(Network(model=small(), made={}), 1, output=tmp_path)
    assert len(seen) == 1
    assert not seen[0].isdigit()
    assert list(tmp_path.iterdir()) == []
