"""Configurations: errors name what is wrong, and every choice has its reason."""

import copy
from pathlib import Path
from typing import Any

import pytest

from training.configuration import CONFIGS, ConfigurationError, from_tables, read_configuration


@pytest.fixture
def tables() -> dict[str, Any]:
    return copy.deepcopy(read_configuration(CONFIGS / "digits.toml").as_dict())


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_bundled_configuration_is_valid(path: Path) -> None:
    assert read_configuration(path).batch.size == 128


def test_every_choice_of_the_bundled_recipe_has_its_reason() -> None:
    for line in (CONFIGS / "digits.toml").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            assert "#" in line, f"no reason beside: {line}"


def test_a_written_configuration_reads_back(tables: dict[str, Any]) -> None:
    assert from_tables(tables) == read_configuration(CONFIGS / "digits.toml")


def test_a_missing_value_is_named(tables: dict[str, Any]) -> None:
    del tables["run"]["steps"]
    with pytest.raises(ConfigurationError, match=r"\[run\] lacks steps"):
        from_tables(tables)


def test_an_unknown_value_is_named(tables: dict[str, Any]) -> None:
    tables["network"]["dens"] = 3
    with pytest.raises(ConfigurationError, match="has dens, which nothing reads"):
        from_tables(tables)


def test_a_value_of_the_wrong_type_is_named(tables: dict[str, Any]) -> None:
    tables["run"]["steps"] = "many"
    with pytest.raises(ConfigurationError, match="steps must be a int: 'many'"):
        from_tables(tables)
    tables["run"]["steps"] = 10
    tables["network"]["channels"] = [1, 2]
    with pytest.raises(ConfigurationError, match="channels must be three whole numbers"):
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
