"""Downloads of the filtered list: made while they are sent, so that memory stays small."""

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse

from webui.records.exports import Labelled, csv_lines, json_lines, write_idx_labelled
from webui.records.models import Record
from webui.records.searching import CHUNK, Condition, scan_meeting
from webui.records.store import Filters

# IDX begins with the number of images, so it is written to a temporary file before it is sent:
# 784 bytes for each, 78 MB in all at most.
MOST_IDX = 100_000


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of a download."""

    title: str
    content_type: str
    extension: str


FORMATS = {
    "csv": Format(title="CSV", content_type="text/csv; charset=utf-8", extension="csv"),
    "jsonl": Format(title="JSON lines", content_type="application/jsonl", extension="jsonl"),
    "idx": Format(
        title=f"MNIST's IDX (at most {MOST_IDX:,})", content_type="application/zip", extension="zip"
    ),
}

LabelsOf = Callable[[Sequence[Record]], Sequence[str | None]]


class Download:
    """The records of a filtered list as a file.

    Args:
        labels_of: returns the labels under which records are exported.
    """

    def __init__(
        self, filters: Filters, conditions: Sequence[Condition], labels_of: LabelsOf
    ) -> None:
        self._filters = filters
        self._conditions = conditions
        self._labels_of = labels_of

    def response(self, kind: str) -> HttpResponseBase:
        """Returns the file in one of FORMATS.

        Raises:
            StoreUnavailable: before anything is sent. Later it ends the connection, so that the
                browser reports an incomplete download.
        """
        made = FORMATS[kind]
        response: HttpResponseBase
        if kind == "idx":
            response = FileResponse(self._idx(), content_type=made.content_type)
        else:
            lines = (json_lines if kind == "jsonl" else csv_lines)(
                self._labelled(pictures=kind == "jsonl")
            )
            first = list(islice(lines, 1))
            response = StreamingHttpResponse(chain(first, lines), content_type=made.content_type)
        name = f"records-{datetime.now(UTC):%Y-%m-%d-%H%M}.{made.extension}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "private, no-store"
        return response

    def _labelled(self, *, pictures: bool) -> Iterator[Labelled]:
        records = scan_meeting(self._filters, self._conditions, pictures=pictures)
        while some := list(islice(records, CHUNK)):
            yield from zip(some, self._labels_of(some), strict=True)

    def _idx(self) -> "tempfile._TemporaryFileWrapper[bytes]":
        """Returns a ZIP archive with MNIST's two files, which is deleted when it is closed."""
        archive = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed with the response
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "idx"
            write_idx_labelled(islice(self._labelled(pictures=False), MOST_IDX), target)
            with zipfile.ZipFile(archive, "w") as packed:  # its files are compressed already
                for path in sorted(target.iterdir()):
                    packed.write(path, path.name)
        archive.seek(0)
        return archive
