"""Secrets that are mounted as files reach the settings, and a wrong file is named."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from webui.secret_files import read_secret_files


def test_a_secret_is_read_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc\n")
    environment = {"SECRET_KEY_FILE": str(tmp_path / "key")}
    read_secret_files(environment)
    assert environment["SECRET_KEY"] == "abc"


def test_a_value_in_the_environment_comes_first(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file")
    environment = {"SECRET_KEY": "from the shell", "SECRET_KEY_FILE": str(tmp_path / "key")}
    read_secret_files(environment)
    assert environment["SECRET_KEY"] == "from the shell"


def test_an_empty_value_counts_as_none(tmp_path: Path) -> None:
    """A compose file hands on `SECRET_KEY=` from .env as an empty string."""
    (tmp_path / "key").write_text("from the file")
    environment = {"SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")}
    read_secret_files(environment)
    assert environment["SECRET_KEY"] == "from the file"


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "CASSANDRA_PASSWORD"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    missing = tmp_path / "nothing-here"
    with pytest.raises(ImproperlyConfigured, match=f"{name}_FILE.*nothing-here.*cannot be read"):
        read_secret_files({f"{name}_FILE": str(missing)})


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        read_secret_files({"SECRET_KEY_FILE": str(tmp_path / "key")})


def test_nothing_named_is_nothing_done() -> None:
    environment: dict[str, str] = {}
    read_secret_files(environment)
    assert environment == {}
