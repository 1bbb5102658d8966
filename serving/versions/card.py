"""The model card: one version's origin, measurements and thresholds, and checksums of its files.

It lies beside the graph in `assets.extra/`, which a model server ignores, so that it is copied
wherever the version directory is.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving import atomic_files
from serving.verdict import DEFAULT_THRESHOLDS, Thresholds
from serving.versions.gate_verdict import GateVerdict

CARD = Path("assets.extra") / "model_card.json"
ACCURACY = "mnist_test_accuracy"  # the metric that every card has
_TYPES: Mapping[str, type] = {
    "name": str,
    "version": int,
    "title": str,
    "made_at": str,
    "parameters": int,
    "classes": int,
    "size_bytes": int,
    "metrics": dict,
    "data": dict,
    "versions": dict,
    "files": dict,
}


class CardError(ValueError):
    """A card that cannot be read, or files other than those it was written for."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One version's card; docs/evaluation.md describes the metrics."""

    name: str
    version: int
    title: str
    made_at: str  # ISO 8601 with its offset
    parameters: int
    classes: int  # 10: digits; 11: digits and "not a digit"
    size_bytes: int  # of all files but the card
    temperature: float  # applied in the graph already: the probabilities are calibrated
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    metrics: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)  # checksums of the training data
    versions: Mapping[str, Any] = field(default_factory=dict)  # of libraries and preprocessing
    files: Mapping[str, str] = field(default_factory=dict)  # path in the version: "sha256:…"
    gate: GateVerdict | None = None  # None: the gate has not compared it yet

    @property
    def accuracy(self) -> float | None:
        """The share of MNIST's test set that it reads correctly, 0 to 1; None if not stated."""
        return _finite(self.metrics.get(ACCURACY))

    @property
    def made_at_time(self) -> datetime | None:
        """`made_at` as a time with a zone; None if it is not a time."""
        try:
            made_at = datetime.fromisoformat(self.made_at)
        except ValueError:
            return None
        return made_at if made_at.tzinfo else made_at.replace(tzinfo=UTC)


_EMPTY = ModelCard(
    name="", version=0, title="", made_at="", parameters=0, classes=0, size_bytes=0, temperature=1.0
)


def read_card(version_dir: Path) -> ModelCard:
    """Reads the card of a version directory, which must be complete.

    Raises:
        OSError: there is no card, or it may not be read.
        CardError: it is not a model card; the message names the field.
    """
    values, mistakes = _parse(_read_document(version_dir))
    if mistakes:
        raise CardError(f"{CARD.name}: {mistakes[0]}")
    return replace(_EMPTY, **values)


def read_card_leniently(version_dir: Path) -> ModelCard | None:
    """Reads a card for display; returns None if there is none that can be read.

    A field that is missing or wrong is "", 0, empty, or the default thresholds.
    """
    try:
        values, _ = _parse(_read_document(version_dir))
    except (OSError, CardError):
        return None
    return replace(_EMPTY, **values)


def write_card(version_dir: Path, card: ModelCard) -> None:
    """Writes the card; the version's files must be in place (see `checksums_of`)."""
    document = asdict(card)
    if card.gate is None:
        del document["gate"]
    _write_document(version_dir, document)


def renumber_card(version_dir: Path, version: int) -> None:
    """Sets the version number on a card, and keeps all else that it holds.

    Raises:
        OSError: there is no card, or it cannot be written.
        CardError: it is not a JSON object.
    """
    _write_document(version_dir, _read_document(version_dir) | {"version": version})


def record_verdict(version_dir: Path, verdict: GateVerdict) -> None:
    """Writes the gate's verdict into a card, in place of an earlier one, and keeps all else.

    Raises:
        OSError: there is no card, or it cannot be written.
        CardError: it is not a JSON object.
    """
    _write_document(version_dir, _read_document(version_dir) | {"gate": asdict(verdict)})


def checksums_of(version_dir: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file but the card, by its path within the version."""
    sums = {}
    for path in sorted(version_dir.rglob("*")):
        name = path.relative_to(version_dir)
        if path.is_file() and name != CARD:
            with path.open("rb") as file:
                sums[name.as_posix()] = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return sums


def verify_files(version_dir: Path, card: ModelCard | None = None) -> None:
    """Checks that the version holds exactly the files that its card lists, unchanged.

    Args:
        version_dir: the directory of the version.
        card: its card; read from the directory if not given.

    Raises:
        OSError: there is no card, or a file may not be read.
        CardError: names the first file that is missing, changed or not listed.
    """
    listed = (card or read_card(version_dir)).files
    found = checksums_of(version_dir)
    for name in sorted(listed.keys() | found.keys()):
        if name not in found:
            raise CardError(f"{name} is missing; the card lists it")
        if name not in listed:
            raise CardError(f"{name} is not listed by the card")
        if listed[name] != found[name]:
            raise CardError(f"{name} is not the file that the card was written for (sha256)")


def _read_document(version_dir: Path) -> dict[str, Any]:
    try:
        document = json.loads((version_dir / CARD).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CardError(f"{CARD.name} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise CardError(f"{CARD.name} must hold one JSON object")
    return document


def _write_document(version_dir: Path, document: Mapping[str, Any]) -> None:
    path = version_dir / CARD
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _parse(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns the fields that are right, and a sentence about each that is not."""
    values: dict[str, Any] = {}
    mistakes = []
    for name, kind in _TYPES.items():
        value = document.get(name)
        # JSON's true and false are integers to Python.
        if isinstance(value, kind) and not isinstance(value, bool):
            values[name] = value
        else:
            mistakes.append(f"{name} is missing or of the wrong type: {value!r}")
    temperature = _finite(document.get("temperature"))
    if temperature is not None and temperature > 0:
        values["temperature"] = temperature
    else:
        mistakes.append(f"temperature must be above 0, not {document.get('temperature')!r}")
    try:
        limits = document["thresholds"]
        values["thresholds"] = Thresholds(
            digit_confidence=float(limits["digit_confidence"]),
            not_a_digit=float(limits["not_a_digit"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        mistakes.append(
            f"thresholds needs digit_confidence and not_a_digit, each 0 to 1: {error!r}"
        )
    if document.get("gate") is not None:
        try:
            values["gate"] = GateVerdict.parse(document["gate"])
        except ValueError as error:
            mistakes.append(str(error))
    return values, mistakes


def _finite(value: object) -> float | None:
    """Returns a JSON number as a float; None for anything else, NaN and infinity too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
