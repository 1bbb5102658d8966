"""The benchmark: its tables, and a load on a server that does nothing."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.bench import subjects
from benchmarks.bench.__main__ import _against, _predictions
from benchmarks.bench.load import Load, NoWrk, Subject, put_under_load
from benchmarks.bench.report import Table, draw, from_markdown, spread, write
from tests.harness.needs import need


def load(rate: float) -> Load:
    return Load(rate=rate, p50=1, p99=2, failed=0, cpu={"site": 3.0}, generator_cpu=0.1)


def test_ratios_are_those_of_a_round() -> None:
    loads = {
        ("site on SQLite", 8): [load(100), load(400)],
        ("original demo's design", 8): [load(10), load(20)],
    }
    assert _against(loads, "site on SQLite", 8) == [10, 20]
    table = _predictions(loads, limits={"site on SQLite": 500})
    (of_site,) = (row for row in table.rows if row[0] == "site on SQLite")
    assert of_site[2:5] == ["250 (100 to 400)", "15.0 (10.0 to 20.0)", "0.50"]


def test_a_spread_is_left_out_where_there_is_none() -> None:
    assert spread([2, 2, 2]) == "2.00"
    assert spread([1, 2, 9], 0) == "2 (1 to 9)"


def test_tables_are_printed_written_and_read_again(tmp_path: Path) -> None:
    table = Table("Start", "Seconds.", ["what", "s"], [["site", "3.1"]])
    again = from_markdown("Start", "Seconds.", table.markdown())
    assert (again.columns, again.rows) == (["what", "s"], [["site", "3.1"]])
    write([table], tmp_path, {"cores": 2})
    kept = json.loads((tmp_path / "results.json").read_text())
    assert kept["conditions"] == {"cores": 2}
    assert kept["tables"][0]["rows"] == [["site", "3.1"]]
    draw({"site": {1: 2.0, 8: 4.0}}, "peer", tmp_path / "results.svg")
    assert (tmp_path / "results.svg").read_text().startswith("<?xml")


def test_a_server_is_put_under_load(tmp_path: Path) -> None:
    need(shutil.which("wrk") is not None, "wrk (apt-get install wrk)")
    drawings = subjects.write_drawings(tmp_path / "drawings")
    assert len(list(drawings.iterdir())) == subjects.DRAWINGS
    with subjects.http_alone(tmp_path / "http", drawings, subjects.OUR_WORKER) as subject:
        found = put_under_load(subject, clients=2, seconds=1)
    assert found.rate > 0
    assert found.failed == 0
    assert found.p99 >= found.p50 > 0
    assert set(found.cpu) == {"site"}


def test_without_wrk_its_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    nowhere = Subject(
        name="", url="http://127.0.0.1:9", bodies=tmp_path, content_type="", processes={}
    )
    with pytest.raises(NoWrk, match="apt-get install wrk"):
        put_under_load(nowhere, clients=1, seconds=1)
