"""The model card: what a version says of itself, and the checksums of its files.

It lies beside the graph in `assets.extra/`, which a model server leaves alone, so that a version
directory carries its figures, its thresholds and its origin wherever it is copied.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from serving.verdict import DEFAULT_THRESHOLDS, Thresholds

CARD = Path("assets.extra") / "model_card.json"


class CardError(ValueError):
    """A card that cannot be read, or files that are not the ones it was written for."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One version's card; docs/evaluation.md says where the figures come from."""

    name: str
    version: int
    title: str
    made_at: str  # ISO 8601 with its offset
    parameters: int
    classes: int  # 10: digits; 11: digits and "not a digit"
    size_bytes: int  # of all files but the card
    temperature: float  # in the graph already: the probabilities are calibrated
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    metrics: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)  # checksums of what it was trained on
    versions: Mapping[str, Any] = field(default_factory=dict)  # of libraries and preprocessing
    files: Mapping[str, str] = field(default_factory=dict)  # path in the version: "sha256:…"


def read_card(version_dir: Path) -> ModelCard:
    """The card of a version directory.

    Raises:
        OSError: there is none, or it may not be read.
        CardError: it is no card; the message names the field.
    """
    path = version_dir / CARD
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CardError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise CardError(f"{path} must hold one JSON object")

    def value(name: str, kind: type | tuple[type, ...]) -> Any:
        found = document.get(name)
        # JSON's true is a number to Python, and no number to us.
        if not isinstance(found, kind) or isinstance(found, bool):
            raise CardError(f"{path}: {name} is missing or of the wrong kind: {found!r}")
        return found

    temperature = float(value("temperature", (int, float)))
    if not (math.isfinite(temperature) and temperature > 0):
        raise CardError(f"{path}: temperature must be above 0, not {temperature}")
    limits = value("thresholds", dict)
    try:
        thresholds = Thresholds(
            digit_confidence=float(limits["digit_confidence"]),
            not_a_digit=float(limits["not_a_digit"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CardError(
            f"{path}: thresholds needs digit_confidence and not_a_digit, each 0 to 1: {error}"
        ) from error
    return ModelCard(
        name=value("name", str),
        version=value("version", int),
        title=value("title", str),
        made_at=value("made_at", str),
        parameters=value("parameters", int),
        classes=value("classes", int),
        size_bytes=value("size_bytes", int),
        temperature=temperature,
        thresholds=thresholds,
        metrics=value("metrics", dict),
        data=value("data", dict),
        versions=value("versions", dict),
        files=value("files", dict),
    )


def write(version_dir: Path, card: ModelCard) -> None:
    """Writes the card by rename; its files must be in place (see `checksums_of`)."""
    path = version_dir / CARD
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n", "utf-8")
    draft.rename(path)


def checksums_of(version_dir: Path) -> dict[str, str]:
    """SHA-256 of every file but the card, by its path within the version."""
    sums = {}
    for path in sorted(version_dir.rglob("*")):
        name = path.relative_to(version_dir)
        if path.is_file() and name != CARD:
            with path.open("rb") as file:
                sums[name.as_posix()] = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return sums


def verify_files(version_dir: Path, card: ModelCard | None = None) -> None:
    """That the version holds exactly the files its card lists, unchanged.

    Args:
        version_dir: of the version.
        card: read from it unless given.

    Raises:
        OSError: there is no card, or a file may not be read.
        CardError: naming the first file that is missing, changed or not listed.
    """
    listed = (card or read_card(version_dir)).files
    found = checksums_of(version_dir)
    for name in sorted(listed.keys() | found.keys()):
        if name not in found:
            raise CardError(f"{version_dir}: {name} is missing; the card lists it")
        if name not in listed:
            raise CardError(f"{version_dir}: {name} is not listed by the card")
        if listed[name] != found[name]:
            raise CardError(f"{version_dir}: {name} is not the file that the card was written for")
