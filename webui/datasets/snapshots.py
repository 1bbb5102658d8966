"""Writing a snapshot: a folder of labelled drawings that never changes.

    train.jsonl, test.jsonl                      the drawings with ink, sorted by id
    train-images-idx3-ubyte, train-labels-…      MNIST's format and names, in the same order
    t10k-images-idx3-ubyte, t10k-labels-…        the same for test.jsonl
    origin.jsonl                                 record, day and model version of each drawing
    snapshot.json                                the hash, and counts
    croissant.json                               metadata for data set tools
    SHA256SUMS                                   of all of them; `sha256sum -c` checks it

The snapshot's hash is that of the drawings alone (`DATA_FILES`): the same drawings with the same
labels have the same hash, whenever they were drawn, in whatever order, and in whichever store they
are. Nothing is compressed, since the bytes would depend on the compressor's version.
"""

import hashlib
import json
import sqlite3
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from serving.atomic_files import creating_directory
from serving.preprocessing import INSTANCE_SIZE, PREPROCESSING_VERSION
from webui.datasets import croissant
from webui.datasets.drawings import TEST, TRAIN, Drawing, canonical_json, drawing_of
from webui.datasets.labels import Labelled
from webui.records.exports import DIRECTORY_MODE, IMAGES_MAGIC, LABELS_MAGIC, PIXELS
from webui.records.store import RecordNotFound, RecordStore

FORMAT = 1
SNAPSHOT, ORIGIN, CROISSANT, SUMS = "snapshot.json", "origin.jsonl", "croissant.json", "SHA256SUMS"
MNIST_PREFIX = {TRAIN: "train", TEST: "t10k"}
DATA_FILES = tuple(
    name
    for split, prefix in MNIST_PREFIX.items()
    for name in (f"{split}.jsonl", f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte")
)
READ_ONLY = 0o440  # not for everybody: drawings are personal data
COUNTED = ("split", "label", "day", "model_version", "session", "source")
COLUMNS = tuple(field.name for field in fields(Drawing))


class NothingLabelled(Exception):
    """No drawing has a label, so there is nothing to write."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """The result of a snapshot."""

    sha256: str
    drawings: int
    writers: Mapping[str, int]  # by split
    counts: Mapping[str, Mapping[str, int]]
    missing: int  # labelled records that were deleted, or have no instance any more


def write_snapshot(path: Path, labelled: Iterable[Labelled], store: RecordStore) -> Written:
    """Write a new folder; it appears under its name when it is complete.

    Memory does not grow with the number of drawings: they are sorted on disk.

    Raises:
        FileExistsError: the path exists; a snapshot is never changed.
        NothingLabelled, StoreUnavailable, OSError: nothing is written.
    """
    with creating_directory(path) as draft:
        with closing(sqlite3.connect(draft.parent / "sorted.sqlite3")) as database:
            missing = _sort(database, labelled, store)
            counts, writers = _counts(database)
            if not counts["split"]:
                raise NothingLabelled
            for split, prefix in MNIST_PREFIX.items():
                _write_part(draft, database, split, prefix)
            _write_lines(draft / ORIGIN, _origins(database))
        sums = {name: _sha256(draft / name) for name in (*DATA_FILES, ORIGIN)}
        sha256 = hashlib.sha256(_sums({name: sums[name] for name in DATA_FILES})).hexdigest()
        written = Written(
            sha256=sha256,
            drawings=sum(counts["split"].values()),
            writers=writers,
            counts=counts,
            missing=missing,
        )
        _write_json(draft / SNAPSHOT, _summary(written))
        sums[SNAPSHOT] = _sha256(draft / SNAPSHOT)
        newest_day = max(counts["day"])
        document = croissant.metadata(sha256=sha256, files=sums, newest_day=newest_day)
        _write_json(draft / CROISSANT, document)
        sums[CROISSANT] = _sha256(draft / CROISSANT)
        (draft / SUMS).write_bytes(_sums(sums))
        for file in draft.iterdir():
            file.chmod(READ_ONLY)
        draft.chmod(DIRECTORY_MODE)
    return written


def _sort(database: sqlite3.Connection, labelled: Iterable[Labelled], store: RecordStore) -> int:
    """Put every drawing into a table on disk; return how many records are missing."""
    database.execute("PRAGMA synchronous=OFF")  # it is thrown away
    database.execute("PRAGMA journal_mode=OFF")
    database.execute(f"CREATE TABLE drawings ({', '.join(COLUMNS)}, writer)")
    database.execute("CREATE INDEX by_id ON drawings (split, id, line, record_id)")
    insert = f"INSERT INTO drawings VALUES ({', '.join('?' * len(COLUMNS))}, ?)"  # noqa: S608 - own names
    missing = 0
    for each in labelled:
        try:
            record = store.get(each.record_id)
        except RecordNotFound:
            missing += 1
            continue
        if len(record.instance) != PIXELS:  # it has expired
            missing += 1
            continue
        drawing = drawing_of(record, each)
        writer = json.loads(drawing.line)["writer"]
        database.execute(insert, (*(getattr(drawing, name) for name in COLUMNS), writer))
    return missing


def _counts(database: sqlite3.Connection) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Return the number of drawings by each of COUNTED, and of writers by split."""
    counts = {
        name: {
            str(value): int(count)
            for value, count in database.execute(
                f"SELECT {name}, COUNT(*) FROM drawings GROUP BY 1 ORDER BY 1"  # noqa: S608 - own names
            )
        }
        for name in COUNTED
    }
    writers: Counter[str] = Counter({TRAIN: 0, TEST: 0})
    writers.update(
        dict(database.execute("SELECT split, COUNT(DISTINCT writer) FROM drawings GROUP BY 1"))
    )
    return counts, dict(writers)


def _write_part(draft: Path, database: sqlite3.Connection, split: str, prefix: str) -> None:
    """Write the lines, images and labels of one side of the split."""
    rows = database.execute(
        "SELECT line, instance, label FROM drawings WHERE split = ? "
        "ORDER BY split, id, line, record_id",
        (split,),
    )
    count = 0
    with (
        (draft / f"{split}.jsonl").open("wb") as lines,
        (draft / f"{prefix}-images-idx3-ubyte").open("wb") as images,
        (draft / f"{prefix}-labels-idx1-ubyte").open("wb") as labels,
    ):
        # IDX begins with the number of items, which is known only at the end.
        images.write(_images_header(0))
        labels.write(_labels_header(0))
        for line, instance, label in rows:
            lines.write(line.encode() + b"\n")
            images.write(instance)
            labels.write(bytes([label]))
            count += 1
        images.seek(0)
        images.write(_images_header(count))
        labels.seek(0)
        labels.write(_labels_header(count))


def _images_header(count: int) -> bytes:
    return struct.pack(">IIII", IMAGES_MAGIC, count, INSTANCE_SIZE, INSTANCE_SIZE)


def _labels_header(count: int) -> bytes:
    return struct.pack(">II", LABELS_MAGIC, count)


def _origins(database: sqlite3.Connection) -> Iterator[str]:
    """Yield where each drawing comes from, to find the record of a drawing again."""
    names = ("id", "record_id", "day", "model_version")
    for row in database.execute(
        f"SELECT {', '.join(names)} FROM drawings ORDER BY split, id, line, record_id"  # noqa: S608 - own names
    ):
        yield canonical_json(dict(zip(names, row, strict=True)))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("wb") as file:
        for line in lines:
            file.write(line.encode() + b"\n")


def _summary(written: Written) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "sha256": written.sha256,
        "preprocessing": PREPROCESSING_VERSION,
        "drawings": written.drawings,
        "writers": dict(written.writers),
        "missing": written.missing,
        "counts": {name: dict(counts) for name, counts in written.counts.items()},
    }


def _write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums(sums: Mapping[str, str]) -> bytes:
    """Return lines as `sha256sum` writes them, sorted by name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
