"""The demonstration of the whole loop: its people, its figures, and a small form of all steps."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.loop_demo.__main__ import report
from benchmarks.loop_demo.people import COLLECTION, DIGITS, Drawing, people, write_view
from tests.harness import ROOT
from tests.harness.needs import need
from training.data import canvas
from training.paths import DATA

BUSY_SECONDS = 3000  # a minute and a half on two idle cores


def write_collection(folder: Path, writers: int) -> None:
    """Write a made-up collection of one 7 by each writer, and another one."""
    for name, count in ((COLLECTION, writers), ("pen-strokes", 40)):
        (folder / name).mkdir(parents=True)
        with gzip.open(folder / name / DIGITS, "wt") as file:
            for writer in range(count):
                row = {
                    "label": "7",
                    "donor": name,
                    "writer": f"w{writer}",
                    "strokes": [[[0, 0], [9, 9]]],
                }
                file.write(json.dumps(row) + "\n")
    (folder / "mnist").mkdir()


def test_who_takes_part_is_left_out_of_the_view(tmp_path: Path) -> None:
    write_collection(tmp_path / "data", writers=10)
    everybody = people(tmp_path / "data")
    strangers = {person.name for person in everybody[5:]}
    write_view(
        tmp_path / "data",
        tmp_path / "view",
        keep=lambda writer: writer in strangers,
        digits_every=20,
    )
    assert {person.name for person in people(tmp_path / "view")} == strangers
    with gzip.open(tmp_path / "view" / "pen-strokes" / DIGITS) as lines:
        assert len(lines.readlines()) == 2
    assert (tmp_path / "view" / "mnist").is_dir()


def test_ink_has_the_size_of_the_picture_and_grows_in_time() -> None:
    drawing = Drawing("4", [[[0, 0], [400, 900]], [[100, 500], [600, 500]]])
    ink = drawing.ink
    points = np.array([point for stroke in ink for point in stroke])
    size = points[:, :2].max(0) - points[:, :2].min(0)
    assert abs(size.max() - 1000 * (canvas.CLEAN_SCALE - canvas.CLEAN_BRUSH)) < 1
    assert (np.diff(points[:, 2]) > 0).all()
    assert drawing.picture.startswith(b"\x89PNG")


def test_the_report_compares_the_same_drawings() -> None:
    before, after = [False] * 10 + [True] * 90, [True] * 99 + [False]
    text = report(before, after)
    assert "before 90.00% (90 of 100" in text
    assert "after  99.00% (99 of 100" in text
    assert "10 drawings are right now and were wrong, 1 the other way round" in text
    assert "p = 0.012" in text  # 2 * (1 + 11) / 2**11


@pytest.mark.data
@pytest.mark.timeout(BUSY_SECONDS)
def test_every_step_in_a_small_form(tmp_path: Path) -> None:
    need((DATA / COLLECTION / DIGITS).is_file(), f"{DATA}/{COLLECTION} (see docs/learning.md)")
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.loop_demo", "--small"),
            *("--data", str(DATA), "--directory", str(tmp_path / "demo")),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=BUSY_SECONDS,
    )  # fmt: skip
    printed = finished.stdout
    assert finished.returncode == 0, printed + finished.stderr
    first, again = re.findall(r"Snapshot (\w{64}), written again: (\w{64})", printed)[0]
    assert first == again
    assert "Promoted" in printed
    assert "Accuracy on people who took no part" in printed
