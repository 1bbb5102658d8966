"""Values from environment variables: typed, with defaults, refused by the variable's name."""

import os
from enum import Enum
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from webui.environment import Environment


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("text", "value"), [("on", True), ("YES", True), ("1", True), ("off", False), ("0", False)]
)
def test_switches(text: str, value: bool) -> None:
    assert Environment({"A": text}).switch("A", default=not value) is value


@pytest.mark.parametrize("variables", [{}, {"A": ""}, {"A": "  "}])
def test_a_missing_or_blank_variable_has_its_default(variables: dict[str, str]) -> None:
    environment = Environment(variables)
    assert environment.text("A", default="x") == "x"
    assert environment.switch("A", default=True) is True
    assert environment.integer("A", default=7, least=0, most=9) == 7
    assert environment.choice("A", Colour, default=Colour.BLUE) is Colour.BLUE
    assert environment.several("A", int, default=(1, 2), valid="numbers") == (1, 2)
    assert environment.directory("A", default=Path("x")) == Path("x")
    assert environment.file("A") == ""
    assert environment.secret("A") == ""
    assert environment.secrets("A") == []
    assert environment.database("A", default=Path("/x.db"))["NAME"] == "/x.db"


@pytest.mark.parametrize("wrong", ["http://a:1,", "http://a:1,b:1", "http://a:1,http://a:1/"])
def test_a_wrong_list_of_addresses_is_named(wrong: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^SERVING_URL is .*each only once"):
        Environment({"SERVING_URL": wrong}).http_urls("SERVING_URL", default="")


def test_right_values(tmp_path: Path) -> None:
    environment = Environment(
        {"NUMBER": " 8 ", "COLOUR": "red", "LIST": "1, 2,,3", "URL": "https://a.example/b/"}
        | {
            "PLACE": str(tmp_path / "new"),
            "HOST": "::1",
            "NETS": "10.0.0.0/8,192.0.2.7",
            "DATABASE": "postgres://u:p%40@h:5/n",
        }
    )
    assert environment.integer("NUMBER", default=7, least=0, most=9) == 8
    assert environment.choice("COLOUR", Colour, default=Colour.BLUE) is Colour.RED
    assert environment.several("LIST", int, valid="numbers") == (1, 2, 3)
    assert environment.http_url("URL", default="") == "https://a.example/b"
    assert environment.http_urls("URL", default="") == ("https://a.example/b",)
    assert environment.http_urls("NONE", default="http://c") == ("http://c",)
    two = Environment({"URLS": "http://a:1, http://b:1/"})
    assert two.http_urls("URLS", default="") == ("http://a:1", "http://b:1")
    assert [str(network) for network in environment.networks("NETS", default=("::1",))] == [
        "10.0.0.0/8", "192.0.2.7/32",
    ]  # fmt: skip
    assert environment.directory("PLACE", default=tmp_path) == tmp_path / "new"
    assert environment.host("HOST", default="") == "::1"
    database = environment.database("DATABASE", default=tmp_path)
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"]) == (
        "u", "p@", "h", 5,
    )  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secret@h/n", "postgres://u:secret@h", "postgres://u:secret@h:x/n",
        "sqlite://secret.db", "secret",
    ],
)  # fmt: skip
def test_a_wrong_database_is_named_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^A is not the URL of a database") as refused:
        Environment({"A": url}).database("A", default=Path("x"))
    assert "secret" not in str(refused.value)


def test_a_secret_is_read_from_its_file_without_the_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("abc\n")
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert Environment(os.environ).secret("SECRET_KEY") == "abc"
    assert "SECRET_KEY" not in os.environ  # or every child process would inherit it


@pytest.mark.parametrize(("value", "secret"), [("from the shell", "from the shell"), ("", "file")])
def test_a_value_in_the_environment_comes_first_unless_it_is_empty(
    tmp_path: Path, value: str, secret: str
) -> None:
    """A compose file hands on `SECRET_KEY=` from .env as an empty string."""
    (tmp_path / "key").write_text("file")
    environment = Environment({"SECRET_KEY": value, "SECRET_KEY_FILE": str(tmp_path / "key")})
    assert environment.secret("SECRET_KEY") == secret


@pytest.mark.parametrize(
    ("content", "found"), [("one\ntwo\n", ["one", "two"]), ("one, two", ["one", "two"]), ("", [])]
)
def test_several_secrets_are_read_from_a_file_that_may_be_empty(
    tmp_path: Path, content: str, found: list[str]
) -> None:
    (tmp_path / "keys").write_text(content)
    assert Environment({"KEYS_FILE": str(tmp_path / "keys")}).secrets("KEYS") == found
    assert Environment({"KEYS": content or ","}).secrets("KEYS") == found


def test_a_secret_that_is_not_in_its_file_is_named(tmp_path: Path) -> None:
    environment = Environment({"KEY_FILE": str(tmp_path / "key")})
    with pytest.raises(ImproperlyConfigured, match=r"KEY_FILE.*key.*cannot be read"):
        environment.secret("KEY")
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match=r"KEY_FILE is .* is empty"):
        environment.secret("KEY")


def test_files_complete_the_environment_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first").write_text("ONE=file\nTWO=first\n")
    (tmp_path / "second").write_text("TWO=second\nTHREE=second\n")
    files = [tmp_path / name for name in ("first", "second", "missing")]
    for name in ("TWO", "THREE"):
        monkeypatch.setenv(name, "")  # restored at the end, when the files have set it
        monkeypatch.delenv(name)
    monkeypatch.setenv("ONE", "process")
    assert Environment.of_process(*files).text("TWO") == ""  # ENV_FILES=off, as in every test
    monkeypatch.setenv("ENV_FILES", "on")
    environment = Environment.of_process(*files)
    assert [environment.text(name) for name in ("ONE", "TWO", "THREE")] == [
        "process", "first", "second",
    ]  # fmt: skip
