"""Records as files that training and other programs read: JSON lines, or IDX as MNIST is kept.

Both are written record by record, so that memory does not grow with their number, and appear
under their name only when they are complete.
"""

import base64
import gzip
import json
import shutil
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any, BinaryIO

from serving.preprocessing import INSTANCE_SIZE
from serving.verdict import NOT_A_DIGIT, NOT_A_DIGIT_CLASS
from webui.records.drawings import content_type
from webui.records.models import Record, Verdict
from webui.records.selectors import predicted_label

# MNIST's own file names (yann.lecun.com/exdb/mnist), so that what reads MNIST reads these.
IMAGES_FILE = "train-images-idx3-ubyte.gz"
LABELS_FILE = "train-labels-idx1-ubyte.gz"
IMAGES_MAGIC = 0x0803  # IDX: unsigned bytes, three dimensions
LABELS_MAGIC = 0x0801  # IDX: unsigned bytes, one dimension
PIXELS = INSTANCE_SIZE * INSTANCE_SIZE


class ExportRefused(Exception):
    """The export was not made; nothing was written."""


class Labels(StrEnum):
    """Which label a record is exported with."""

    CORRECTED = "corrected"  # a person's correction, else what was said
    SAID = "said"  # what was said, whatever the correction


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What became of an export."""

    written: int
    skipped: int = 0  # records that an IDX file has no label or no instance for


def label_of(record: Record, labels: Labels) -> str | None:
    """ "0".."9", "not_a_digit", or None where neither the model nor a person has decided."""
    if labels is Labels.CORRECTED and record.corrected_label:
        return record.corrected_label
    return None if record.verdict == Verdict.UNSURE else predicted_label(record)


def refuse_to_overwrite(path: Path, *, force: bool) -> None:
    """Before anything is read: is the name free, and is there a folder for it?

    Raises:
        ExportRefused
    """
    if not path.parent.is_dir():
        raise ExportRefused(f"there is no folder {path.parent} to write {path.name} into")
    if path.exists() and not force:
        raise ExportRefused(f"{path} exists; --force replaces it")


# --- JSON lines ------------------------------------------------------------------------------


def as_json(record: Record, labels: Labels) -> dict[str, Any]:
    """Everything there is of a record; bytes as base64, instants as ISO 8601."""
    picture = bytes(record.picture)
    return {
        "id": str(record.id),
        "predicted_at": record.predicted_at.isoformat(),
        "label": label_of(record, labels),
        "verdict": str(record.verdict),
        "digit": record.digit,
        "confidence": record.confidence,
        "probabilities": record.probabilities,
        "model_name": record.model_name,
        "model_version": record.model_version,
        "model_label": record.model_label,
        "latency_ms": record.latency_ms,
        "visitor": record.visitor,
        "corrected_label": record.corrected_label,
        "corrected_at": record.corrected_at.isoformat() if record.corrected_at else None,
        "corrected_by": record.corrected_by,
        "instance": base64.b64encode(record.instance).decode(),
        "picture_type": content_type(picture) if picture else None,
        "picture": base64.b64encode(picture).decode(),
        "ink": record.ink,
    }


def write_json_lines(
    records: Iterable[Record], path: Path, *, labels: Labels, force: bool = False
) -> Exported:
    """One JSON object a line, newest first; compressed if the name ends with `.gz`.

    Raises:
        ExportRefused: the name is taken (without `force`), or has no folder.
        StoreUnavailable, OSError: nothing appears under the name.
    """
    refuse_to_overwrite(path, force=force)
    written = 0
    with _appearing(path) as file:
        packed = gzip.GzipFile(fileobj=file, mode="wb") if path.suffix == ".gz" else None
        lines = packed or file
        for record in records:
            text = json.dumps(as_json(record, labels), ensure_ascii=False, separators=(",", ":"))
            lines.write(text.encode() + b"\n")
            written += 1
        if packed is not None:
            packed.close()
    return Exported(written=written)


@contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    """A file beside the path that takes its name once it is whole; removed if it never is."""
    with NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    ) as file:
        part = Path(file.name)
        try:
            yield file  # type: ignore[misc]
            file.flush()
            part.chmod(0o640)  # drawings are people's
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


# --- IDX -------------------------------------------------------------------------------------


def write_idx(
    records: Iterable[Record], path: Path, *, labels: Labels, force: bool = False
) -> Exported:
    """A folder with images and labels as MNIST has them, gzipped, newest first.

    A label is 0 to 9, or 10 for what is not a digit. A record without a label (unsure and not
    corrected) or without its instance (its time to live has ended) is skipped and counted.

    Raises:
        ExportRefused: the name is taken (without `force`), or has no folder.
        StoreUnavailable, OSError: nothing appears under the name.
    """
    refuse_to_overwrite(path, force=force)
    if path.exists() and not _is_export(path):
        raise ExportRefused(
            f"{path} is no folder of an earlier export (or holds more), so --force spares it"
        )
    written = skipped = 0
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", suffix=".part") as scratch:
        made = Path(scratch) / "made"
        made.mkdir(mode=0o750)
        images_path, labels_path = Path(scratch) / "images", Path(scratch) / "labels"
        with images_path.open("wb") as images, labels_path.open("wb") as numbers:
            for record in records:
                label = label_of(record, labels)
                if label is None or len(record.instance) != PIXELS:
                    skipped += 1
                    continue
                images.write(record.instance)
                numbers.write(bytes([class_of(label)]))
                written += 1
        # IDX begins with the number of items, which is known only now.
        header = struct.pack(">IIII", IMAGES_MAGIC, written, INSTANCE_SIZE, INSTANCE_SIZE)
        _pack(images_path, made / IMAGES_FILE, header=header)
        header = struct.pack(">II", LABELS_MAGIC, written)
        _pack(labels_path, made / LABELS_FILE, header=header)
        if path.exists():
            path.rename(Path(scratch) / "replaced")  # goes with the scratch folder
        made.rename(path)
    return Exported(written=written, skipped=skipped)


def _is_export(path: Path) -> bool:
    """Whether a folder holds what an export made and nothing else: it may be replaced."""
    return path.is_dir() and {inside.name for inside in path.iterdir()} <= {
        IMAGES_FILE,
        LABELS_FILE,
    }


def class_of(label: str) -> int:
    """The class number of a label, as the model's output counts them."""
    return NOT_A_DIGIT_CLASS if label == NOT_A_DIGIT else int(label)


def _pack(source: Path, target: Path, *, header: bytes) -> None:
    with source.open("rb") as raw, gzip.open(target, "wb") as packed:
        packed.write(header)
        shutil.copyfileobj(raw, packed)
