"""The README's Docker section says what docs/docker.md says, and nothing that is not there.

That its commands do what it says is tested by `make stack-test`, which types them.
"""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from deploy.readme import Command, NoDockerSection, commands, docker_section

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "docker.md"
README = ROOT / "README.md"


def test_the_readme_and_the_docs_say_the_same() -> None:
    assert docker_section(README) == docker_section(DOCS)


def test_the_section_starts_uses_and_stops_the_stack() -> None:
    lines = [command.line for command in commands(docker_section(DOCS))]
    assert lines[0] == "docker-compose up --detach --build"
    assert lines[-1] == "docker-compose down"
    assert "docker exec -it $(docker-compose ps -q cassandra) cqlsh" in lines


def test_records_are_read_as_they_always_were() -> None:
    typed = {command.line: command.typed for command in commands(docker_section(DOCS))}
    asked = typed["docker exec -it $(docker-compose ps -q cassandra) cqlsh"]
    assert asked == ("USE mnist_key; select * from record_data;",)


@pytest.mark.parametrize("command", commands(docker_section(DOCS)), ids=lambda one: one.line)
def test_a_command_names_what_is_there(command: Command) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for service in re.findall(r"docker-compose (?:exec|run|ps -q) (\w+)", command.line):
        assert service in services
    for name in re.findall(r"manage\.py (\w+)", command.line):
        assert name in get_commands()


def test_files_that_are_named_exist() -> None:
    for name in re.findall(r"docker-compose[\w.]*\.yml|\.env\.example", DOCS.read_text()):
        if name != "docker-compose.override.yml":  # the reader's own
            assert (ROOT / name).exists(), name


def test_fences_are_read_by_their_language() -> None:
    section = "```sh\none\ntwo\n```\ntext\n```sql\nselect 1;\n```\n```\nfor some only\n```\n"
    assert commands(section) == [Command("one"), Command("two", ("select 1;",))]


def test_a_file_without_the_marks_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("nothing here")
    with pytest.raises(NoDockerSection, match=r"other\.md needs one"):
        docker_section(tmp_path / "other.md")
