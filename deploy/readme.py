"""The README's Docker section, as the commands that it tells people to type.

`make stack-test` types them as they stand there, and the quick tests read them, so that the
section cannot rot. In a fence marked `sh` each line is a command; one marked `sql` is what is
typed into the command before it; other fences are for some readers only.
"""

import re
from dataclasses import dataclass
from pathlib import Path

BEGIN = "<!-- docker:begin -->"
END = "<!-- docker:end -->"


class NoDockerSection(Exception):
    """The file has no section between the two marks."""


@dataclass(frozen=True)
class Command:
    """One line for a shell, and what is then typed into the program that it starts."""

    line: str
    typed: tuple[str, ...] = ()


def docker_section(file: Path) -> str:
    """What stands between the marks.

    Raises:
        NoDockerSection: if they are not both there, once and in order.
    """
    text = file.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise NoDockerSection(f"{file} needs one {BEGIN} and one {END} after it")
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()


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
