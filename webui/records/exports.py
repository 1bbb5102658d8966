"""Exports of records: as JSON lines, as CSV, or in MNIST's IDX format.

All are written record by record, so that memory does not grow with their number, and appear
under their name only when they are complete.
"""

import base64
import csv
import gzip
import json
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from serving.atomic_files import replacing_directory, replacing_file
from serving.preprocessing import INSTANCE_SIZE
from serving.verdict import NOT_A_DIGIT, NOT_A_DIGIT_CLASS
from webui.records.drawings import content_type
from webui.records.models import Record, Verdict
from webui.records.selectors import predicted_label

# MNIST's own file names (yann.lecun.com/exdb/mnist), so that its loaders read these files.
IMAGES_FILE = "train-images-idx3-ubyte.gz"
LABELS_FILE = "train-labels-idx1-ubyte.gz"
IMAGES_MAGIC = 0x0803  # IDX: unsigned bytes, three dimensions
LABELS_MAGIC = 0x0801  # IDX: unsigned bytes, one dimension
PIXELS = INSTANCE_SIZE * INSTANCE_SIZE
FILE_MODE, DIRECTORY_MODE = 0o640, 0o750  # not for everybody: drawings are personal data


class ExportRefused(Exception):
    """The export was not made; nothing was written."""


# A record with the label under which it is exported: "0".."9", "not_a_digit", or None.
Labelled = tuple[Record, str | None]


class Labels(StrEnum):
    """The label with which a record is exported."""

    CORRECTED = "corrected"  # the correction if there is one, else the prediction
    PREDICTED = "predicted"  # the prediction, whatever the correction


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The result of an export."""

    written: int
    skipped: int = 0  # records without a label or an instance, which IDX cannot hold


def label_of(record: Record, labels: Labels) -> str | None:
    """Returns "0".."9", "not_a_digit", or None for an unsure prediction without correction."""
    if labels is Labels.CORRECTED and record.corrected_label:
        return record.corrected_label
    return None if record.verdict == Verdict.UNSURE else predicted_label(record)


def labelled(records: Iterable[Record], labels: Labels) -> Iterator[Labelled]:
    """Yields each record with its label."""
    for record in records:
        yield record, label_of(record, labels)


def refuse_to_overwrite(path: Path, *, force: bool) -> None:
    """Checks, before anything is read, that the path can be written.

    Raises:
        ExportRefused
    """
    if not path.parent.is_dir():
        raise ExportRefused(f"there is no folder {path.parent} to write {path.name} into")
    if path.exists() and not force:
        raise ExportRefused(f"{path} exists; --force replaces it")


# --- JSON lines ------------------------------------------------------------------------------


def as_json(record: Record, label: str | None) -> dict[str, Any]:
    """Returns all fields of a record; bytes as base64, instants as ISO 8601."""
    picture = bytes(record.picture)
    return {
        "id": str(record.id),
        "predicted_at": record.predicted_at.isoformat(),
        "label": label,
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
    """Writes one JSON object per line, newest first; compressed if the name ends with `.gz`.

    Raises:
        ExportRefused: the path exists (without `force`), or its folder does not.
        StoreUnavailable, OSError: the path is unchanged.
    """
    refuse_to_overwrite(path, force=force)
    written = 0
    opened: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with replacing_file(path, mode=FILE_MODE) as draft, opened(draft, "wb") as lines:
        for line in json_lines(labelled(records, labels)):
            lines.write(line)
            written += 1
    return Exported(written=written)


def json_lines(records: Iterable[Labelled]) -> Iterator[bytes]:
    """Yields one line for each record, with all fields."""
    for record, label in records:
        text = json.dumps(as_json(record, label), ensure_ascii=False, separators=(",", ":"))
        yield text.encode() + b"\n"


# --- CSV -------------------------------------------------------------------------------------

LARGE_FIELDS = frozenset({"instance", "picture", "picture_type", "ink"})  # not in a table
FORMULA_SIGNS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
)  # https://owasp.org/www-community/attacks/CSV_Injection


def csv_lines(records: Iterable[Labelled]) -> Iterator[bytes]:
    """Yields a header and a line for each record, without pictures and ink (RFC 4180)."""
    line = StringIO()
    writer = csv.writer(line)
    header = False
    for record, label in records:
        fields = {
            name: value
            for name, value in as_json(record, label).items()
            if name not in LARGE_FIELDS
        }
        if not header:
            writer.writerow(fields)
            header = True
        writer.writerow(_cell(value) for value in fields.values())
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()


def _cell(value: object) -> object:
    """Returns a value that a spreadsheet shows as text, never computes."""
    if isinstance(value, list):
        return " ".join(f"{number:g}" for number in value)
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return f"'{value}"
    return value


# --- IDX -------------------------------------------------------------------------------------


def write_idx(
    records: Iterable[Record], path: Path, *, labels: Labels, force: bool = False
) -> Exported:
    """Writes a folder with images and labels in MNIST's format, gzipped, newest first.

    A label is 0 to 9, or 10 for "not a digit". A record without a label (unsure and not
    corrected) or without an instance (it has expired) is skipped and counted.

    Raises:
        ExportRefused: the path exists (without `force`), or its folder does not.
        StoreUnavailable, OSError: the path is unchanged.
    """
    refuse_to_overwrite(path, force=force)
    if path.exists() and not _is_export(path):
        raise ExportRefused(
            f"{path} is not the folder of an earlier export (or holds other files), so --force "
            "does not replace it"
        )
    return write_idx_labelled(labelled(records, labels), path)


def write_idx_labelled(records: Iterable[Labelled], path: Path) -> Exported:
    """Writes the folder as `write_idx` does, and replaces what is there.

    Raises:
        StoreUnavailable, OSError: the path is unchanged.
    """
    written = skipped = 0
    with (
        replacing_directory(path) as draft,
        TemporaryFile(dir=path.parent) as images,
        TemporaryFile(dir=path.parent) as numbers,
    ):
        draft.chmod(DIRECTORY_MODE)
        for record, label in records:
            if label is None or len(record.instance) != PIXELS:
                skipped += 1
                continue
            images.write(record.instance)
            numbers.write(bytes([NOT_A_DIGIT_CLASS if label == NOT_A_DIGIT else int(label)]))
            written += 1
        # IDX begins with the number of items, which is known only now.
        header = struct.pack(">IIII", IMAGES_MAGIC, written, INSTANCE_SIZE, INSTANCE_SIZE)
        _pack(images, draft / IMAGES_FILE, header=header)
        header = struct.pack(">II", LABELS_MAGIC, written)
        _pack(numbers, draft / LABELS_FILE, header=header)
    return Exported(written=written, skipped=skipped)


def _is_export(path: Path) -> bool:
    """Return whether a folder holds only the files of an export, so that it may be replaced."""
    return path.is_dir() and {inside.name for inside in path.iterdir()} <= {
        IMAGES_FILE,
        LABELS_FILE,
    }


def _pack(source: IO[bytes], target: Path, *, header: bytes) -> None:
    source.seek(0)
    with gzip.open(target, "wb") as packed:
        packed.write(header)
        shutil.copyfileobj(source, packed)
