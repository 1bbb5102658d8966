"""A terminal in which a test types commands, answers prompts and turns pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pexpect

ANSWER_SECONDS = 60


class TerminalError(Exception):
    """A command hangs or failed; the message ends with the end of its output."""


class Terminal:
    """A command line in a shell; leaving the `with` block waits until it exits with status 0."""

    def __init__(
        self, line: str, *, directory: Path, environment: Mapping[str, str], seconds: float
    ) -> None:
        self._line = line
        self._seconds = seconds
        self._shell = pexpect.spawn(
            "bash",
            ["-c", line],
            cwd=str(directory),
            env=dict(environment),
            encoding="utf-8",
            dimensions=(60, 400),
        )

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._wait(pexpect.EOF, seconds=self._seconds)
        finally:
            self._shell.close()
        if kind is None and self._shell.exitstatus != 0:
            printed = str(self._shell.before)[-3000:]
            raise TerminalError(f"{self._line!r} failed ({self._shell.exitstatus}):\n{printed}")

    def answer(self, prompt: str, text: str) -> None:
        """Waits for a prompt (a regular expression) and types a line."""
        self._wait(prompt, seconds=ANSWER_SECONDS)
        self._shell.sendline(text)

    def turn_pages(self, more: str, *, until: str) -> str:
        """Types Enter at every `more`, and returns the output before `until`."""
        shown = ""
        while True:
            found = self._wait([more, until], seconds=ANSWER_SECONDS)
            shown += str(self._shell.before)
            if found == 1:
                return shown
            self._shell.sendline("")

    def _wait(self, pattern: Any, *, seconds: float) -> int:
        try:
            return int(self._shell.expect(pattern, timeout=seconds))
        except (pexpect.TIMEOUT, pexpect.EOF):
            printed = str(self._shell.before)[-3000:]
            raise TerminalError(
                f"{self._line!r} does not go on as expected; it printed:\n{printed}"
            ) from None
