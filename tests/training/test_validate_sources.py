"""The command: trains without a fold's sources, keeps what is finished, and reports."""

import json
import re
from pathlib import Path

import pytest

from tests.training.recipe import write_configuration
from training import validate_sources
from training.evaluation import left_out


@pytest.fixture
def options(
    data_dir: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Options for a training of seconds, with two sources and their folds."""
    monkeypatch.setattr(validate_sources, "RESULTS", tmp_path / "sources")
    monkeypatch.setattr(validate_sources, "RENDERED", tmp_path / "rendered")
    monkeypatch.setattr(validate_sources, "FOLDS", (("aga",), ("apb",)))
    monkeypatch.setattr(left_out, "FOLDS", (("aga",), ("apb",)))
    monkeypatch.setattr(left_out, "LEAST_DIGITS", 30)
    recipe = write_configuration(folder)
    return ["--data", str(data_dir), "--recipe", recipe, "--steps", "4", "--seed", "1"]


def test_every_source_is_read_once_and_finished_trainings_are_kept(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate_sources.main([*options, "--fold", "1"]) == 0
    [first] = (tmp_path / "sources").rglob("*.npz")
    stamp = first.stat().st_mtime_ns
    assert "| aga | 3 | 30 |" in capsys.readouterr().out
    assert {name.split("/")[0] for name in left_out.read_cell(first).people["clean"]} == {"aga"}

    assert validate_sources.main(options) == 0
    printed = capsys.readouterr().out
    assert "without apb" in printed
    assert "without aga" not in printed
    assert first.stat().st_mtime_ns == stamp
    for part in ("| aga | 3 | 30 |", "| apb | 3 | 30 |", "| **mean** |", "| worst |"):
        assert part in printed
    assert len(list((tmp_path / "sources").rglob("*.npz"))) == 2
    assert not list((tmp_path / "sources").rglob("*.checkpoints"))


def test_recipes_are_compared_with_the_first(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    other = write_configuration(tmp_path / "other", pen=6)
    assert validate_sources.main([*options, "--recipe", other, "--fold", "1"]) == 0
    printed = capsys.readouterr().out
    assert "## Differences from" in printed
    assert (
        len(re.findall(r"^\| small \| [+-]\d+\.\d\d \(.+\) \| [+-]0\.\d{4} \(", printed, re.M)) == 1
    )


def test_strangers_are_added_to_the_metadata(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = tmp_path / "net.metadata.json"
    metadata.write_text('{"metrics": {"mnist_test_accuracy": 0.9}}')
    card = ["--card", "--metadata", str(metadata)]
    assert validate_sources.main([*options, *card, "--fold", "1"]) == 2
    assert "not every fold is trained" in capsys.readouterr().err
    assert validate_sources.main([*options, *card]) == 0
    metrics = json.loads(metadata.read_text())["metrics"]
    assert metrics["mnist_test_accuracy"] == 0.9
    assert metrics["strangers"]["trainings"] == 2
    assert metrics["strangers"]["worst_clean"][0] in {"aga", "apb"}
    assert 0 <= metrics["strangers"]["mean_perturbed"] <= 1


def test_a_report_trains_nothing(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert validate_sources.main([*options, "--report"]) == 0
    assert "seed 1, without" not in capsys.readouterr().out


def test_missing_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate_sources.main(["--data", str(tmp_path), "--seed", "1"]) == 2
    assert "validate_sources: " in capsys.readouterr().err
