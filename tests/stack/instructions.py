"""The commands in the README and the docs.

`make stack-test` runs them as they are written, between the comments `<!-- NAME:begin -->` and
`<!-- NAME:end -->`. In a fence marked `sh` each line is a command; a fence marked `sql` holds the
input of the command before it; other fences are not run.
"""

import re
from dataclasses import dataclass
from pathlib import Path


class NoInstructions(Exception):
    """The file has no section of that name."""


@dataclass(frozen=True)
class Command:
    """A line for a shell, and the input of the program that it starts."""

    line: str
    typed: tuple[str, ...] = ()


def section(file: Path, name: str) -> str:
    """Return the text between the two comments.

    Raises:
        NoInstructions: unless each is there once, in this order.
    """
    text = file.read_text()
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise NoInstructions(f"{file} needs one {begin} and one {end} after it")
    return text[text.index(begin) + len(begin) : text.index(end)].strip()


def commands(section: str) -> list[Command]:
    """Return the commands of a section, in order."""
    found: list[Command] = []
    for fence in re.finditer(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        language, lines = fence[1], [line for line in fence[2].splitlines() if line.strip()]
        if language == "sh":
            found += [Command(line) for line in lines]
        elif language == "sql":
            found[-1] = Command(found[-1].line, (*found[-1].typed, *lines))
    return found
