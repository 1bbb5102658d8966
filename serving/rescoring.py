"""Compares a model version with the answers that were recorded: agreement, confusion and drift.

Everything is counted in whole numbers, confidences in millionths, so that the tables of parts
of the records add up to the tables of all, in whatever order.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from serving.atomic_files import replacing_file
from serving.client import Answer
from serving.preprocessing import INSTANCE_SIZE
from serving.verdict import Reading, Thresholds, read_verdict

BATCH = 64  # instances a request, max_batch_size of serving/batching.config
MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the comparison needs of a record."""

    day: str  # of the prediction, UTC, like "2026-11-23"
    model_version: int
    verdict: str
    digit: int | None
    confidence: float
    corrected_label: str  # "0" to "9", "not_a_digit", or "" without a correction
    instance: bytes  # 784, as the record has it


class Cell(NamedTuple):
    """One number of a table: in the row `key`, the column `measure`."""

    table: str
    key: str
    measure: str
    value: int


class Model(Protocol):
    """A client of the model server."""

    def predict_by_version(
        self, instances: NDArray[np.floating[Any]], *, version: int
    ) -> Answer: ...


class Rescoring:
    """Counts how one version answers recorded instances, beside what was answered.

    The tables, by key:

    - `agreement`, by the version that answered: records, the same answers, and of the corrected
      ones those that were right before and are right now;
    - `confusion`, by "answer before > answer now": records;
    - `drift`, by day (UTC): records, of each verdict before and now, and the sum of confidences.

    Args:
        model: asked for the version's answers.
        version: the version.
        thresholds: those of the version, from its card.
    """

    def __init__(self, model: Model, *, version: int, thresholds: Thresholds) -> None:
        self._model = model
        self._version = version
        self._thresholds = thresholds
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, records: Iterable[Recorded]) -> Iterator[int]:
        """Count records, a batch at a time; yields the size of each batch.

        Raises:
            ServingError: the version does not answer.
        """
        batch: list[Recorded] = []
        for record in records:
            batch.append(record)
            if len(batch) == BATCH:
                yield self._add_batch(batch)
                batch = []
        if batch:
            yield self._add_batch(batch)

    def cells(self) -> list[Cell]:
        """Return the numbers that are not zero, in order."""
        return sorted(Cell(*place, value) for place, value in self._counts.items() if value)

    def _add_batch(self, batch: list[Recorded]) -> int:
        pixels = np.frombuffer(b"".join(record.instance for record in batch), np.uint8)
        instances = pixels.reshape(-1, INSTANCE_SIZE, INSTANCE_SIZE).astype(np.float32)
        answer = self._model.predict_by_version(instances / 255, version=self._version)
        for record, probabilities in zip(batch, answer.probabilities.tolist(), strict=True):
            self._count(record, read_verdict(probabilities, self._thresholds))
        return len(batch)

    def _count(self, record: Recorded, now: Reading) -> None:
        before = _name(record.verdict, record.digit)
        after = _name(now.verdict, now.digit)
        version, day = f"version {record.model_version}", record.day
        counts = self._counts
        counts["agreement", version, "records"] += 1
        counts["agreement", version, "same"] += before == after
        if record.corrected_label:
            counts["agreement", version, "corrected"] += 1
            counts["agreement", version, "right_before"] += before == record.corrected_label
            counts["agreement", version, "right_now"] += after == record.corrected_label
        counts["confusion", f"{before} > {after}", "records"] += 1
        counts["drift", day, "records"] += 1
        counts["drift", day, f"{record.verdict}_before"] += 1
        counts["drift", day, f"{now.verdict}_now"] += 1
        counts["drift", day, "confidence_before_millionths"] += round(record.confidence * MILLION)
        counts["drift", day, "confidence_now_millionths"] += round(now.confidence * MILLION)


def _name(verdict: str, digit: int | None) -> str:
    """Return an answer like "7", "unsure 7" or "not_a_digit"."""
    if digit is None:
        return verdict
    return str(digit) if verdict == "digit" else f"{verdict} {digit}"


def write_cells(path: Path, cells: Iterable[Cell]) -> None:
    """Write the numbers of the tables as CSV with a header.

    Raises:
        OSError
    """
    with replacing_file(path) as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Cell._fields)
        writer.writerows(cells)
