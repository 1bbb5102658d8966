"""The gate's verdict on a version, as its model card keeps it.

`training.gate` compares a challenger with the champion and writes the verdict into the
challenger's card. The site, which has no TensorFlow, reads it there before it publishes the
version. Both are named by the checksums of their files, since an export may have any number.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class GateNotPassed(Exception):
    """The version has no verdict that lets it follow the stable version; the message says why."""


@dataclass(frozen=True, kw_only=True)
class GateLine:
    """One comparison of the gate; docs/evaluation.md describes them.

    Of an accuracy and an AUROC more is better, of a calibration error and CPU time less.
    """

    test: str  # what was read, such as "MNIST test set"
    measure: str
    drawings: int
    writers: int | None  # None: not known
    champion: float
    challenger: float
    p: float | None  # one-sided, of "worse by chance alone"; None for a limit
    adjusted_p: float | None  # after the correction for the number of lines
    blocks: bool

    def __str__(self) -> str:
        reason = (
            f"p {self.adjusted_p:.2g} after correction" if self.adjusted_p is not None else "limit"
        )
        return (
            f"{self.test}: {self.measure} {_figure(self.challenger, self.measure)}, the champion "
            f"{_figure(self.champion, self.measure)} ({reason})"
        )


@dataclass(frozen=True, kw_only=True)
class GateVerdict:
    """The comparison of one challenger with one champion."""

    passed: bool
    decided_at: str  # ISO 8601 with its offset
    champion_version: int
    champion_files: str  # digest, see `files_digest`
    challenger_files: str
    rule: str  # significance, correction, repetitions and limits, in a sentence
    tests: str  # digest of the drawings that both read
    snapshot: str = ""  # hash of the snapshot whose test part was among them
    lines: tuple[GateLine, ...]
    left_out: tuple[str, ...] = ()  # tests whose data were missing

    @property
    def blocking(self) -> tuple[GateLine, ...]:
        """The lines that block the challenger."""
        return tuple(line for line in self.lines if line.blocks)

    @classmethod
    def parse(cls, document: object) -> "GateVerdict":
        """Returns the verdict of a card's JSON document.

        Raises:
            ValueError: it is not one; the message names the field.
        """
        values = _object(document, "gate")
        lines = values.get("lines")
        if not isinstance(lines, list) or not lines:
            raise ValueError("gate.lines must be a list with at least one line")
        verdict = cls(
            passed=_typed(values, "passed", bool),
            decided_at=_typed(values, "decided_at", str),
            champion_version=_typed(values, "champion_version", int),
            champion_files=_typed(values, "champion_files", str),
            challenger_files=_typed(values, "challenger_files", str),
            rule=_typed(values, "rule", str),
            tests=_typed(values, "tests", str),
            snapshot=str(values.get("snapshot") or ""),
            lines=tuple(_line(_object(line, "gate.lines")) for line in lines),
            left_out=tuple(str(name) for name in values.get("left_out") or ()),
        )
        if verdict.passed == bool(verdict.blocking):
            raise ValueError("gate.passed does not agree with gate.lines")
        return verdict


def files_digest(checksums: Mapping[str, str]) -> str:
    """Returns one digest of a version's files, from the checksums of each."""
    listed = "".join(f"{name} {checksums[name]}\n" for name in sorted(checksums))
    return "sha256:" + hashlib.sha256(listed.encode()).hexdigest()


def require_passed(
    verdict: GateVerdict | None, *, files: str, champion: int, champion_files: str
) -> GateVerdict:
    """Returns the verdict, if it lets a version with these files follow the champion.

    Raises:
        GateNotPassed
    """
    again = "; run the gate again: make gate CHALLENGER=PATH"
    if verdict is None:
        raise GateNotPassed(
            f"its model card has no verdict of the gate against version {champion}, which is "
            "stable; run make gate CHALLENGER=PATH"
        )
    if verdict.challenger_files != files:
        raise GateNotPassed(f"the gate's verdict is about other files{again}")
    if verdict.champion_files != champion_files:
        raise GateNotPassed(
            f"the gate compared it with version {verdict.champion_version}, and version "
            f"{champion} is stable now{again}"
            if verdict.champion_version != champion
            else f"the gate compared it with another version {champion} than the stable one{again}"
        )
    if not verdict.passed:
        reasons = "; ".join(str(line) for line in verdict.blocking)
        raise GateNotPassed(f"the gate blocked it: {reasons}")
    return verdict


def _figure(value: float, measure: str) -> str:
    if measure in ("accuracy", "calibration error"):
        return f"{value:.2%}"
    return f"{value:.4g}"


def _line(values: Mapping[str, Any]) -> GateLine:
    writers = values.get("writers")
    return GateLine(
        test=_typed(values, "test", str),
        measure=_typed(values, "measure", str),
        drawings=_typed(values, "drawings", int),
        writers=None if writers is None else _typed(values, "writers", int),
        champion=_number(values, "champion"),
        challenger=_number(values, "challenger"),
        p=None if values.get("p") is None else _number(values, "p"),
        adjusted_p=None if values.get("adjusted_p") is None else _number(values, "adjusted_p"),
        blocks=_typed(values, "blocks", bool),
    )


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a JSON object, not {value!r:.50}")
    return value


def _typed(values: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = values.get(name)
    # JSON's true and false are integers to Python.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"gate: {name} is missing or of the wrong type: {value!r:.50}")
    return value


def _number(values: Mapping[str, Any], name: str) -> float:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"gate: {name} must be a number, not {value!r:.50}")
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError(f"gate: {name} is too large") from error
    if not math.isfinite(number):
        raise ValueError(f"gate: {name} must be finite, not {value!r}")
    return number
