"""The examples and options in docs/records.md match the command."""

import shlex
from pathlib import Path

import pytest
from django.conf import settings

from webui.records.management.commands.export_records import Command

DOCUMENT = (Path(settings.BASE_DIR) / "docs" / "records.md").read_text()
COMMANDS = [
    line.removeprefix("python manage.py export_records ")
    for line in DOCUMENT.splitlines()
    if line.startswith("python manage.py export_records ")
]


def test_there_are_examples() -> None:
    assert len(COMMANDS) == 2


@pytest.mark.parametrize("line", COMMANDS)
def test_examples_are_accepted(line: str) -> None:
    Command().create_parser("manage.py", "export_records").parse_args(shlex.split(line))


def test_every_filter_of_the_command_is_named() -> None:
    parser = Command().create_parser("manage.py", "export_records")
    common = set(Command.base_stealth_options) | {"help", "version", "verbosity", "settings"}
    for action in parser._actions:
        if action.dest in common or (action.help and "Django" in action.help):
            continue
        if action.dest in {"pythonpath", "traceback", "no_color", "force_color", "skip_checks"}:
            continue
        assert action.option_strings[-1] in DOCUMENT, action.dest
