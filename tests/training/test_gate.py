"""The gate: an equal version passes, a worse one is blocked by a line that is named."""

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from serving.verdict import NOT_A_DIGIT_CLASS
from serving.versions.card import read_card
from serving.versions.gate_verdict import GateLine
from tests.training.evaluation.test_evaluation import candidate, right_but_for_every
from tests.training.small_network import small_network
from training import gate
from training.evaluation import comparison, frozen_tests, timing
from training.evaluation.frozen_tests import MNIST_TEST, FrozenTests
from training.evaluation.samples import Sample
from training.export import check_digits, export
from training.trained_network import TrainedNetwork


def some_tests() -> FrozenTests:
    """Return tests that `right_but_for_every` reads: the label is in the first pixel."""

    def sample(name: str, labels: NDArray[np.int64]) -> Sample:
        instances = np.zeros((len(labels), 28, 28), np.float32)
        instances[:, 0, 0] = labels / 100
        people = tuple(f"writer {number % 30}" for number in range(len(labels)))
        return Sample(name, instances, labels, people)

    digits = np.tile(np.arange(10), 40)
    return FrozenTests(
        digits={MNIST_TEST: sample(MNIST_TEST, digits), "pens": sample("pens", digits)},
        calibration=[MNIST_TEST],
        clean=["pens"],
        negatives={"letters": sample("letters", np.full(120, NOT_A_DIGIT_CLASS))},
    )


def blocking(lines: list[GateLine]) -> list[tuple[str, str]]:
    return [(line.test, line.measure) for line in lines if line.blocks]


def test_an_equal_version_passes_and_a_worse_one_is_blocked() -> None:
    champion = candidate(served=right_but_for_every(20))
    equal = comparison.compare(champion, champion, some_tests())
    assert blocking(equal) == []
    assert [line.adjusted_p for line in equal if line.p is not None] == [1.0] * 4
    worse = candidate(3, served=right_but_for_every(7))
    found = comparison.compare(champion, worse, some_tests())
    assert (MNIST_TEST, "accuracy") in blocking(found)
    assert (MNIST_TEST, "calibration error") in blocking(found)
    assert ("letters", "AUROC") in blocking(found)
    assert blocking(comparison.compare(worse, champion, some_tests())) == []


def test_fewer_classes_and_other_answers_than_the_source_block() -> None:
    champion = candidate(served=right_but_for_every(20))
    ten = replace(champion, card=replace(champion.card, classes=10))
    assert blocking(comparison.compare(champion, ten, some_tests())) == [("the network", "classes")]
    differs = candidate(3, served=right_but_for_every(20), source=right_but_for_every(19))
    found = comparison.compare(champion, differs, some_tests())
    assert blocking(found) == [(MNIST_TEST, "difference from its source")]


def test_a_slower_version_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    times = [{"batch 1": [1.0, 2.0, 1.0]}, {"batch 1": [1.4, 2.8, 9.0]}]
    monkeypatch.setattr(timing, "rounds_of", lambda directories: times)
    (line,) = comparison.compare_speed(Path("old"), Path("new"))
    assert (line.challenger, line.blocks) == (1.4, False)
    times[1]["batch 1"] = [1.6, 3.2, 1.0]
    assert comparison.compare_speed(Path("old"), Path("new"))[0].blocks


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, keras.Model]:
    """A small network that reads the exporter's 200 check digits, as version 1."""
    model = small_network()
    model.compile("adam", "sparse_categorical_crossentropy")
    labels = np.repeat(np.arange(10), 20)
    model.fit(check_digits(), labels, epochs=60, batch_size=50, verbose=0)
    models = tmp_path_factory.mktemp("models") / "digits"
    return export(TrainedNetwork(model, {}), 1, output=models), model


@pytest.fixture
def _check_digits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.repeat(np.arange(10), 20).astype(np.int64)
    sample = Sample(MNIST_TEST, check_digits()[..., 0], labels)
    tests = FrozenTests(digits={MNIST_TEST: sample}, calibration=[], left_out=["pens"])
    monkeypatch.setattr(frozen_tests, "load", lambda *_args, **_options: tests)


@pytest.mark.usefixtures("_check_digits_alone")
def test_perturbed_weights_are_blocked_and_the_card_keeps_the_verdict(
    champion: tuple[Path, keras.Model],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(comparison, "compare_speed", lambda *_: [])
    directory, model = champion
    worse = small_network()
    rng = np.random.default_rng(5)
    worse.set_weights([w + rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    challenger = export(TrainedNetwork(worse, {}), 2, output=tmp_path / "digits")
    command = ["--challenger", str(challenger), "--champion", "1"]
    assert gate.main([*command, "--models", str(directory.parent)]) == 1
    said = capsys.readouterr().out
    assert f"{challenger} may not follow version 1:" in said
    assert f"- {MNIST_TEST}: accuracy" in said
    verdict = read_card(challenger).gate
    assert verdict is not None
    assert (verdict.passed, verdict.left_out) == (False, ("pens",))
    assert verdict.blocking[0].test == MNIST_TEST


@pytest.mark.usefixtures("_check_digits_alone")
def test_a_copy_passes(
    champion: tuple[Path, keras.Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, _ = champion
    monkeypatch.setattr(timing, "ROUNDS", 4)
    monkeypatch.setattr(comparison, "SLOWER_FACTOR", 20.0)  # on a busy machine a round is noisy
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    command = ["--challenger", str(copy), "--champion", "1", "--models", str(directory.parent)]
    assert gate.main([*command, "--quick"]) == 0
    assert read_card(copy).gate is None  # a quick look is no verdict
    assert gate.main(command) == 0
    verdict = read_card(copy).gate
    assert verdict is not None
    assert verdict.passed
    assert {line.test for line in verdict.lines} >= {"speed, batch 1", "speed, batch 64"}
    assert verdict.champion_files == verdict.challenger_files


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["--challenger", str(tmp_path / "none")]) == 2
    assert "is no directory; name a version" in capsys.readouterr().err
    models = ["--models", str(tmp_path / "digits")]
    assert gate.main(["--challenger", str(tmp_path), *models]) == 2
    assert "name the version in use by --champion" in capsys.readouterr().err
