"""The model card, read strictly and leniently, and the files whose checksums it holds."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.verdict import DEFAULT_THRESHOLDS, Thresholds
from serving.versions.card import (
    CARD,
    CardError,
    ModelCard,
    checksums_of,
    read_card,
    read_card_leniently,
    renumber_card,
    verify_files,
    write_card,
)
from tests.harness.tiny_models import write_verdict

BUNDLED = sorted(
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
    write_card(directory, card_of(directory))
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
    ("field", "value", "reason"),
    [
        ("version", "3", "version"),
        ("classes", True, "classes"),
        ("temperature", 0, "temperature"),
        ("thresholds", {"digit_confidence": 0.5}, "not_a_digit"),
        ("thresholds", {"digit_confidence": 5, "not_a_digit": 0.5}, "digit_confidence"),
        ("files", None, "files"),
    ],
)
def test_a_wrong_field_is_named(version: Path, field: str, value: object, reason: str) -> None:
    document = json.loads((version / CARD).read_text())
    (version / CARD).write_text(json.dumps(document | {field: value}))
    with pytest.raises(CardError, match=reason):
        read_card(version)


def test_a_lenient_read_keeps_the_fields_that_are_right(version: Path) -> None:
    document = json.loads((version / CARD).read_text())
    wrong = {"classes": True, "temperature": 0, "thresholds": {}, "made_at": "yesterday"}
    (version / CARD).write_text(json.dumps(document | wrong))
    card = read_card_leniently(version)
    assert card is not None
    assert (card.title, card.accuracy) == ("A test's", 0.5)
    assert (card.classes, card.temperature, card.made_at_time) == (0, 1.0, None)
    assert card.thresholds == DEFAULT_THRESHOLDS


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_a_lenient_read_of_another_file_is_none(version: Path, text: str) -> None:
    (version / CARD).write_text(text)
    assert read_card_leniently(version) is None


def test_a_number_that_no_float_can_hold_is_a_mistake(version: Path) -> None:
    document = json.loads((version / CARD).read_text())
    (version / CARD).write_text(json.dumps(document | {"temperature": 10**400}))
    with pytest.raises(CardError, match="temperature"):
        read_card(version)
    assert read_card_leniently(version) is not None


@pytest.mark.parametrize("made_at", ["2026-01-02T03:04:05", "2026-01-02T05:04:05+02:00"])
def test_the_time_of_a_card_has_a_zone(version: Path, made_at: str) -> None:
    card = replace(card_of(version), made_at=made_at)
    assert card.made_at_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_new_number_changes_nothing_else(version: Path) -> None:
    document = json.loads((version / CARD).read_text()) | {"of_another_tool": "öäü"}
    (version / CARD).write_text(json.dumps(document))
    renumber_card(version, 8)
    assert json.loads((version / CARD).read_text()) == document | {"version": 8}


def test_a_card_must_be_a_json_object(version: Path) -> None:
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


@pytest.mark.parametrize("directory", BUNDLED, ids=lambda path: f"version {path.name}")
def test_a_bundled_version_is_what_its_card_lists(directory: Path) -> None:
    card = read_card(directory)
    verify_files(directory, card)
    assert card.version == int(directory.name)
    assert card.metrics["mnist_test_accuracy"] >= 0.9933
    assert max(path.stat().st_size for path in directory.rglob("*")) < 10_000_000


def test_a_verdict_of_the_gate_comes_back_and_changes_nothing_else(version: Path) -> None:
    before = card_of(version)
    write_verdict(version, champion_dir=version, blocks=True)
    card = read_card(version)
    assert card.gate is not None
    assert not card.gate.passed
    assert str(card.gate.blocking[0]).startswith("MNIST test set: accuracy 90.00%")
    assert replace(card, gate=None) == before
    verify_files(version)
    renumber_card(version, 8)
    assert read_card(version).gate == card.gate


@pytest.mark.parametrize(
    ("field", "value"), [("passed", True), ("passed", 1), ("lines", []), ("champion_version", "1")]
)
def test_a_wrong_verdict_is_refused(version: Path, field: str, value: object) -> None:
    write_verdict(version, champion_dir=version, blocks=True)
    document = json.loads((version / CARD).read_text())
    document["gate"][field] = value
    (version / CARD).write_text(json.dumps(document))
    with pytest.raises(CardError, match=rf"gate.*{field}"):
        read_card(version)
    lenient = read_card_leniently(version)
    assert lenient is not None
    assert lenient.gate is None
