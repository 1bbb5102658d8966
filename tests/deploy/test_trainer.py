"""The trainer trains the best network that the data allow, and names missing data."""

import json
import sys
from pathlib import Path

import pytest

from deploy.docker import trainer
from training.data.pen_strokes import COLLECTIONS


def data_folder(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).mkdir()
    return directory


def test_with_all_the_data_the_best_network_is_trained(tmp_path: Path) -> None:
    assert trainer.choose(None, data_folder(tmp_path, "mnist", *trainer.PEN_STROKES)) == "digits"


def test_without_pen_strokes_the_baseline_cnn_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trainer.choose(None, data_folder(tmp_path, "mnist")) == "baseline"
    assert "no pen-strokes" in capsys.readouterr().out


def test_the_collections_are_those_that_are_trained_on() -> None:
    assert tuple(each.folder for each in COLLECTIONS) == trainer.PEN_STROKES


def test_a_network_whose_data_are_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        trainer.TrainerError, match=r"needs mnist and pen-strokes and .* and numberpad.*DATA="
    ):
        trainer.choose("digits", tmp_path)


def test_the_baseline_cnn_needs_no_folder(tmp_path: Path) -> None:
    assert trainer.choose("baseline", tmp_path) == "baseline"


def test_a_failing_step_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(trainer.TrainerError, match="-c failed"):
        trainer.run("-c", "raise SystemExit(3)")


def test_a_training_is_worth_repeating_and_a_blocked_version_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise trainer.TrainerError("failed")

    done: list[str] = []
    monkeypatch.setattr(trainer, "DATA", data_folder(tmp_path, "mnist", *trainer.PEN_STROKES))
    monkeypatch.setattr(sys, "argv", ["trainer.py", "--resume"])
    monkeypatch.setattr(trainer, "train", fail)
    assert trainer.main() == 1
    monkeypatch.setattr(trainer, "train", lambda *_: done.append("trained"))
    monkeypatch.setattr(trainer, "publish", fail)
    assert trainer.main() == 2
    for index, code in ((0, 2), (1, 0)):  # the second worker publishes nothing
        workers = {"worker": ["one:2222", "two:2222"]}
        config = {"cluster": workers, "task": {"type": "worker", "index": index}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        assert trainer.main() == code
    assert len(done) == 3


def test_steps_are_those_of_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steps: list[tuple[str, ...]] = []
    monkeypatch.setattr(trainer, "run", lambda *command: steps.append(command))
    monkeypatch.setattr(trainer, "ROOT", tmp_path)
    monkeypatch.setattr(trainer, "DATA", tmp_path / "datasets")
    (tmp_path / "var").mkdir()
    trainer.train(trainer.NETWORKS["baseline"], ["--seed", "2"])
    trainer.publish(trainer.NETWORKS["baseline"], note="a try")
    trained, exported, compared, published = steps
    assert trained[:2] == ("-m", "training.baseline")
    assert "--data" not in trained  # training fetches MNIST itself
    assert trained[-2:] == ("--seed", "2")
    assert exported[0] == "export_savedmodel.py"
    assert compared[:2] == ("-m", "training.gate")
    assert published[:3] == ("manage.py", "models", "publish")
    assert not list((tmp_path / "var").iterdir()), "the draft is left behind"
    steps.clear()
    trainer.publish(trainer.NETWORKS["baseline"], note="a try", gate_override="a demonstration")
    assert steps[-1][-2:] == ("--override-gate", "a demonstration")
    assert len(steps) == 2
