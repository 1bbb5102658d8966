"""The model card, and the files it vouches for."""

import json
from pathlib import Path

import pytest

from serving.verdict import Thresholds
from serving.versions.card import (
    CARD,
    CardError,
    ModelCard,
    checksums_of,
    read_card,
    verify_files,
    write,
)

SHIPPED = sorted(
    path
    for path in (Path(__file__).resolve().parents[3] / "serving/models/digits").iterdir()
    if path.name.isdigit()
)


@pytest.fixture
def version(tmp_path: Path) -> Path:
    directory = tmp_path / "3"
    (directory / "variables").mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / "variables" / "variables.index").write_bytes(b"index")
    write(directory, card_of(directory))
    return directory


def card_of(directory: Path) -> ModelCard:
    return ModelCard(
        name="digits",
        version=3,
        title="A test's",
        made_at="2026-01-02T03:04:05+00:00",
        parameters=7,
        classes=11,
        size_bytes=10,
        temperature=0.9,
        thresholds=Thresholds(digit_confidence=0.7, not_a_digit=0.6),
        metrics={"mnist_test_accuracy": 0.5},
        files=checksums_of(directory),
    )


def test_a_card_comes_back_as_it_was_written(version: Path) -> None:
    assert read_card(version) == card_of(version)
    assert sorted(read_card(version).files) == ["saved_model.pb", "variables/variables.index"]
    verify_files(version)


def test_a_missing_card_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="model_card"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("version", "3", "version"),
        ("classes", True, "classes"),
        ("temperature", 0, "temperature"),
        ("thresholds", {"digit_confidence": 0.5}, "not_a_digit"),
        ("thresholds", {"digit_confidence": 5, "not_a_digit": 0.5}, "digit_confidence"),
        ("files", None, "files"),
    ],
)
def test_a_wrong_field_is_named(version: Path, field: str, value: object, said: str) -> None:
    document = json.loads((version / CARD).read_text())
    (version / CARD).write_text(json.dumps(document | {field: value}))
    with pytest.raises(CardError, match=said):
        read_card(version)


def test_what_is_no_json_is_refused(version: Path) -> None:
    (version / CARD).write_text("{")
    with pytest.raises(CardError, match="not JSON"):
        read_card(version)
    (version / CARD).write_text("[]")
    with pytest.raises(CardError, match="one JSON object"):
        read_card(version)


def test_a_changed_a_missing_and_a_further_file_are_named(version: Path) -> None:
    (version / "more").write_text("")
    with pytest.raises(CardError, match="more is not listed"):
        verify_files(version)
    (version / "more").unlink()
    (version / "saved_model.pb").write_bytes(b"grapf")
    with pytest.raises(CardError, match=r"saved_model\.pb is not the file"):
        verify_files(version)
    (version / "saved_model.pb").unlink()
    with pytest.raises(CardError, match=r"saved_model\.pb is missing"):
        verify_files(version)


@pytest.mark.parametrize("directory", SHIPPED, ids=lambda path: f"version {path.name}")
def test_what_ships_is_what_its_card_says(directory: Path) -> None:
    card = read_card(directory)
    verify_files(directory, card)
    assert card.version == int(directory.name)
    assert card.metrics["mnist_test_accuracy"] >= 0.9933
    assert max(path.stat().st_size for path in directory.rglob("*")) < 10_000_000
