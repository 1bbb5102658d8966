"""Commands that the README and the docs tell people to type, read out of them.

`make stack-test` types them as they stand there, and the quick tests read them, so that they
cannot rot. They stand between two marks, `<!-- NAME:begin -->` and `<!-- NAME:end -->`. In a fence
marked `sh` each line is a command; one marked `sql` is what is typed into the command before it;
other fences are for some readers only.
"""

import re
from dataclasses import dataclass
from pathlib import Path


class NoInstructions(Exception):
    """The file has no section of that name."""


@dataclass(frozen=True)
class Command:
    """One line for a shell, and what is then typed into the program that it starts."""

    line: str
    typed: tuple[str, ...] = ()


def section(file: Path, name: str) -> str:
    """What stands between the marks.

    Raises:
        NoInstructions: if they are not both there, once and in order.
    """
    text = file.read_text()
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise NoInstructions(f"{file} needs one {begin} and one {end} after it")
    return text[text.index(begin) + len(begin) : text.index(end)].strip()


def commands(section: str) -> list[Command]:
    """The commands, in order."""
    found: list[Command] = []
    for fence in re.finditer(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        language, lines = fence[1], [line for line in fence[2].splitlines() if line.strip()]
        if language == "sh":
            found += [Command(line) for line in lines]
        elif language == "sql":
            found[-1] = Command(found[-1].line, (*found[-1].typed, *lines))
    return found
