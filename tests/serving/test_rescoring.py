"""Another version's answers are counted beside those that were recorded."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.client import Answer
from serving.rescoring import BATCH, Cell, Recorded, Rescoring, write_cells
from serving.verdict import Thresholds
from tests.harness import ROOT


class Brightness:
    """A model that reads the brightest pixel's value as the digit, 10 as not a digit."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def predict_by_version(self, instances: NDArray[np.floating[Any]], *, version: int) -> Answer:
        self.sizes.append(len(instances))
        digits = np.rint(instances.max((1, 2)) * 255).astype(int)
        return Answer(probabilities=np.eye(11)[digits] * 0.75, version=version, label="")


def recorded(now: int, **changed: Any) -> Recorded:
    values: dict[str, Any] = {
        "day": "2026-11-23", "model_version": 1, "verdict": "digit", "digit": 7,
        "confidence": 0.5, "corrected_label": "", "instance": bytes(783) + bytes([now]),
    }  # fmt: skip
    return Recorded(**{**values, **changed})


def rescored(*records: Recorded) -> list[Cell]:
    thresholds = Thresholds(digit_confidence=0.6, not_a_digit=0.5)
    rescoring = Rescoring(Brightness(), version=2, thresholds=thresholds)
    assert sum(rescoring.add(records)) == len(records)
    return rescoring.cells()


def test_the_tables() -> None:
    cells = rescored(
        recorded(7),
        recorded(1, corrected_label="1"),
        recorded(10, corrected_label="7"),
        recorded(10, verdict="unsure", digit=3, day="2026-11-24", model_version=3),
        recorded(10, verdict="not_a_digit", digit=None, corrected_label="not_a_digit"),
    )
    assert {cell[1:] for cell in cells if cell.table == "agreement"} == {
        ("version 1", "records", 4), ("version 1", "same", 2), ("version 1", "corrected", 3),
        ("version 1", "right_before", 2), ("version 1", "right_now", 2),
        ("version 3", "records", 1),
    }  # fmt: skip
    assert {cell.key for cell in cells if cell.table == "confusion"} == {
        "7 > 7", "7 > 1", "7 > not_a_digit", "unsure 3 > not_a_digit", "not_a_digit > not_a_digit",
    }  # fmt: skip
    assert {cell[2:] for cell in cells if cell[:2] == ("drift", "2026-11-24")} == {
        ("records", 1), ("unsure_before", 1), ("not_a_digit_now", 1),
        ("confidence_before_millionths", 500_000), ("confidence_now_millionths", 750_000),
    }  # fmt: skip


def test_the_tables_of_parts_add_up_to_those_of_all() -> None:
    records = [recorded(number % 11, confidence=number / 200) for number in range(200)]
    whole = {cell[:3]: cell.value for cell in rescored(*records)}
    parts: dict[tuple[str, str, str], int] = {}
    for part in (records[:70], records[70:]):
        for cell in rescored(*part):
            parts[cell[:3]] = parts.get(cell[:3], 0) + cell.value
    assert parts == whole


def test_a_request_is_no_larger_than_the_model_server_takes() -> None:
    config = (ROOT / "serving" / "batching.config").read_text()
    most = re.search(r"max_batch_size\s*{\s*value:\s*(\d+)", config)
    assert most
    assert int(most[1]) >= BATCH
    model = Brightness()
    thresholds = Thresholds(digit_confidence=0.6, not_a_digit=0.5)
    rescoring = Rescoring(model, version=2, thresholds=thresholds)
    assert list(rescoring.add([recorded(1)] * (BATCH + 1))) == model.sizes == [BATCH, 1]


def test_they_are_written_as_csv(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.csv", rescored(recorded(7)))
    lines = (tmp_path / "cells.csv").read_text().splitlines()
    assert lines[0] == "table,key,measure,value"
    assert "confusion,7 > 7,records,1" in lines
