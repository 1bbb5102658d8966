"""The commands in the README and the docs are the same, and name services that exist.

`make stack-test` runs them.
"""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from tests.harness import ROOT
from tests.stack.instructions import Command, NoInstructions, commands, section

DOCS = ROOT / "docs" / "docker.md"
OPERATIONS = ROOT / "docs" / "operations.md"
README = ROOT / "README.md"
DOCKER = commands(section(DOCS, "docker"))
SECTIONS = ("backup", "restore", "upgrade")
ALL = DOCKER + [one for name in SECTIONS for one in commands(section(OPERATIONS, name))]


def test_the_readme_and_the_docs_say_the_same() -> None:
    assert section(README, "docker") == section(DOCS, "docker")


def test_the_readme_starts_uses_and_stops_the_stack() -> None:
    lines = [command.line for command in DOCKER]
    assert lines[0] == "docker-compose up --detach --build"
    assert lines[-1] == "docker-compose down"


def test_records_are_read_as_they_always_were() -> None:
    typed = {command.line: command.typed for command in DOCKER}
    asked = typed["docker exec -it $(docker-compose ps -q cassandra) cqlsh"]
    assert asked == ("USE mnist_key; select * from record_data;",)


@pytest.mark.parametrize("command", ALL, ids=lambda one: one.line)
def test_a_command_names_what_is_there(command: Command) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for words in re.findall(
        r"docker-compose (?:exec|run|ps|stop)((?: -\S+)* [a-z]+)", command.line
    ):
        assert words.split()[-1] in services
    for name in re.findall(r"manage\.py (\w+)", command.line):
        assert name in get_commands()


@pytest.mark.parametrize("file", [DOCS, OPERATIONS], ids=lambda file: file.name)
def test_files_that_are_named_exist(file: Path) -> None:
    text = file.read_text()
    for name in re.findall(r"docker-compose[\w.]*\.yml|\.env\.example", text):
        if name != "docker-compose.override.yml":  # the reader's own
            assert (ROOT / name).exists(), name
    for name in re.findall(r"\]\(([\w.]+\.md)", text):
        assert (file.parent / name).exists(), name


def test_fences_are_read_by_their_language() -> None:
    text = "```sh\none\ntwo\n```\ntext\n```sql\nselect 1;\n```\n```\nfor some only\n```\n"
    assert commands(text) == [Command("one"), Command("two", ("select 1;",))]


def test_a_file_without_the_marks_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("nothing here")
    with pytest.raises(NoInstructions, match=r"other\.md needs one"):
        section(tmp_path / "other.md", "docker")
