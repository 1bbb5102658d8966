"""A snapshot of collected drawings, as `manage.py snapshot_dataset` writes it, for a training."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.preprocessing import PREPROCESSING_VERSION, to_instance
from training.configuration import Data
from training.data import mnist
from training.data.instances import Instances, seed_from, to_bytes
from training.data.rendered_data_set import augmented, with_random_pen
from training.data.strokes import Stroke, float32

FORMAT = 1
MOST_RENDERINGS = 60_000  # of all drawings together: about a CPU minute


class SnapshotError(ValueError):
    """A snapshot is missing, changed, or of another format."""


@dataclass(frozen=True)
class CollectedDrawing:
    """A drawing with its label; `strokes` is empty if the pen's path is unknown."""

    label: int  # 10 is "not a digit"
    writer: str
    strokes: tuple[Stroke, ...]
    instance: NDArray[np.uint8]  # (28, 28)


@dataclass(frozen=True)
class Snapshot:
    """The drawings of a snapshot; no writer is in both parts."""

    sha256: str
    training: list[CollectedDrawing]
    test: list[CollectedDrawing]  # never trained on


@dataclass(frozen=True)
class Rendered:
    """Collected drawings as instances."""

    instances: Instances
    with_ink: NDArray[np.bool_]  # (n,) rendered from strokes, which are augmented already


def read_snapshot(folder: Path) -> Snapshot:
    """Read a snapshot, after a check of every file.

    Raises:
        SnapshotError: names the file that is missing, changed or of another format.
    """
    _verify(folder)
    summary = _json(folder / "snapshot.json")
    if summary.get("format") != FORMAT:
        raise SnapshotError(
            f"{folder} has format {summary.get('format')!r}; format {FORMAT} is read"
        )
    if summary.get("preprocessing") != PREPROCESSING_VERSION:
        raise SnapshotError(
            f"the instances of {folder} were made by preprocessing "
            f"{summary.get('preprocessing')!r}, the training's are made by "
            f"{PREPROCESSING_VERSION}; write a new snapshot"
        )
    try:
        parts = mnist.load(folder, verify=False)
    except mnist.MnistError as error:
        raise SnapshotError(str(error)) from error
    training, test = (
        _drawings(folder / f"{split}.jsonl", *part)
        for split, part in zip(("train", "test"), parts, strict=True)
    )
    return Snapshot(str(summary["sha256"]), training, test)


def render(drawings: list[CollectedDrawing], settings: Data, *, variants: int) -> Rendered:
    """Render each drawing several times, with other pens and augmentations, always the same.

    A drawing without ink is taken as it was preprocessed, once.
    """
    with_ink = sum(bool(drawing.strokes) for drawing in drawings)
    times = max(1, min(variants, MOST_RENDERINGS // max(with_ink, 1)))
    images, labels, from_ink = [], [], []
    for number, drawing in enumerate(drawings):
        rng = np.random.default_rng([settings.rendering_seed, seed_from("collected"), number])
        for _ in range(times if drawing.strokes else 1):
            if drawing.strokes:
                variant = augmented(list(drawing.strokes), rng, settings)
                image = to_bytes(to_instance(with_random_pen(variant, rng, settings)))
            else:
                image = drawing.instance
            images.append(image)
            labels.append(drawing.label)
            from_ink.append(bool(drawing.strokes))
    if not images:
        return Rendered(Instances.empty(), np.zeros(0, np.bool_))
    return Rendered(
        Instances(np.stack(images), np.array(labels, np.int32)), np.array(from_ink, np.bool_)
    )


def as_recorded(drawings: list[CollectedDrawing]) -> Instances:
    """Return the drawings as the site preprocessed them."""
    if not drawings:
        return Instances.empty()
    return Instances(
        np.stack([drawing.instance for drawing in drawings]),
        np.array([drawing.label for drawing in drawings], np.int32),
    )


def _verify(folder: Path) -> None:
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        raise SnapshotError(
            f"{folder} is not a snapshot: it has no SHA256SUMS; `python manage.py "
            "snapshot_dataset --output DIR` writes one"
        )
    for line in sums.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        path = folder / name
        if not path.is_file():
            raise SnapshotError(f"{path} is missing")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise SnapshotError(f"{path} has been changed: its SHA-256 differs")


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SnapshotError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise SnapshotError(f"{path} must hold one JSON object")
    return document


def _drawings(
    path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> list[CollectedDrawing]:
    drawings = []
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    if [row["label"] for row in rows] != labels.tolist():
        raise SnapshotError(f"{path} and the images beside it do not belong together")
    for row, image in zip(rows, images, strict=True):
        strokes = tuple(float32(stroke)[:, :2] for stroke in row["ink"] or () if stroke)
        drawings.append(CollectedDrawing(row["label"], row["writer"], strokes, image))
    return drawings
