"""Prompts are answered and pages turned; the error of a failed command shows its output."""

from pathlib import Path

import pytest

from tests.stack.terminal import Terminal, TerminalError


def terminal(line: str, directory: Path) -> Terminal:
    return Terminal(line, directory=directory, environment={"PATH": "/usr/bin:/bin"}, seconds=30)


def test_a_prompt_is_answered(tmp_path: Path) -> None:
    with terminal("read -p 'Name: ' name; echo \"$name\" > named", tmp_path) as opened:
        opened.answer("Name: ", "a keeper")
    assert (tmp_path / "named").read_text() == "a keeper\n"


def test_pages_are_turned_until_the_end(tmp_path: Path) -> None:
    pages = "for page in 1 2 3; do echo row$page; read -p MORE; done; echo '3 rows'"
    with terminal(pages, tmp_path) as opened:
        shown = opened.turn_pages("MORE", until="3 rows")
    assert [row for row in ("row1", "row2", "row3") if row in shown] == ["row1", "row2", "row3"]


def test_a_failing_command_shows_what_it_printed(tmp_path: Path) -> None:
    with (
        pytest.raises(TerminalError, match=r"failed \(3\):(.|\n)*no such thing"),
        terminal("echo no such thing; exit 3", tmp_path),
    ):
        pass


def test_a_command_that_ends_before_its_prompt_is_a_failure(tmp_path: Path) -> None:
    with (
        pytest.raises(TerminalError, match=r"does not go on(.|\n)*something else"),
        terminal("echo something else", tmp_path) as opened,
    ):
        opened.answer("Name: ", "a keeper")
