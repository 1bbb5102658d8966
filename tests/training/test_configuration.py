"""Configurations: errors name what is wrong, and every choice has its reason."""

import copy
from pathlib import Path
from typing import Any

import pytest

from training.configuration import CONFIGS, ConfigurationError, from_tables, read_configuration


@pytest.fixture
def tables() -> dict[str, Any]:
    return copy.deepcopy(read_configuration(CONFIGS / "digits.toml").as_dict())


# finetune.toml has only what a retraining changes; tests/training/test_retrain.py reads it.
WHOLE = sorted(path for path in CONFIGS.glob("*.toml") if path.stem != "finetune")


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_every_bundled_configuration_is_valid(path: Path) -> None:
    assert read_configuration(path).batch.size == 128


def test_every_choice_of_the_bundled_recipe_has_its_reason() -> None:
    for line in (CONFIGS / "digits.toml").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            assert "#" in line, f"no reason beside: {line}"


def test_a_written_configuration_reads_back(tables: dict[str, Any]) -> None:
    assert from_tables(tables) == read_configuration(CONFIGS / "digits.toml")


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("run", "steps", None, r"\[run\] lacks steps"),
        ("network", "dens", 3, "has dens, which nothing reads"),
        ("run", "steps", "many", "steps must be of type int: 'many'"),
        ("network", "channels", [1, 2], "channels must be three whole numbers"),
    ],
)
def test_a_missing_unknown_or_wrong_value_is_named(
    tables: dict[str, Any], section: str, name: str, value: object, message: str
) -> None:
    tables[section][name] = value
    if value is None:
        del tables[section][name]
    with pytest.raises(ConfigurationError, match=message):
        from_tables(tables)


def test_an_integer_is_accepted_as_a_float(tables: dict[str, Any]) -> None:
    tables["optimiser"]["weight_decay"] = 0
    assert from_tables(tables).optimiser.weight_decay == 0.0


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        read_configuration(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[run")
    with pytest.raises(ConfigurationError, match=r"broken\.toml"):
        read_configuration(broken)
