"""Exports can be read again, and hold the same records."""

import base64
import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from tests.webui.records.factory import INK, NOON, make_record
from training.data import mnist
from webui.records import exports
from webui.records.models import Record
from webui.records.store import Filters, StoreUnavailable, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept() -> list[Record]:
    """Records an hour apart, newest first.

    The digits 0 to 9, an unsure 3, a corrected unsure 8, not a digit, and a corrected 1.
    """
    records = [
        make_record(at=NOON + digit * timedelta(hours=1), digit=digit, model_version=1 + digit % 2)
        for digit in range(10)
    ]
    records.append(make_record(at=NOON + timedelta(hours=10), digit=3, verdict="unsure"))
    records.append(make_record(at=NOON + timedelta(hours=11), digit=8, verdict="unsure"))
    records.append(make_record(at=NOON + timedelta(hours=12), digit=None))
    records.append(make_record(at=NOON + timedelta(hours=13), digit=1))
    for record in records:
        store().append(record)
    store().correct(records[11].id, label="3", by="ada", at=datetime.now(UTC))
    store().correct(records[13].id, label="not_a_digit", by="ada", at=datetime.now(UTC))
    return records[::-1]


def export(path: Path, *arguments: str, to: str = "idx") -> str:
    output = StringIO()
    call_command("export_records", "--format", to, "--output", str(path), *arguments, stdout=output)
    return output.getvalue()


def labels_in(folder: Path) -> list[int]:
    with gzip.open(folder / exports.LABELS_FILE) as packed:
        return list(np.frombuffer(packed.read(), np.uint8, offset=8))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_idx_is_read_by_the_loader_of_mnist(kept: list[Record], tmp_path: Path) -> None:
    output = export(tmp_path / "drawn")
    assert output == (
        f"13 records written to {tmp_path / 'drawn'}; 1 skipped, which have no label or no "
        "instance\n"
    )
    for part in ("images-idx3", "labels-idx1"):  # the loader asks for a test part, too
        shutil.copy(
            tmp_path / "drawn" / f"train-{part}-ubyte.gz",
            tmp_path / "drawn" / f"t10k-{part}-ubyte.gz",
        )
    (images, labels), _ = mnist.load(tmp_path / "drawn", verify=False)
    expected = [record for record in kept if (record.verdict, record.digit) != ("unsure", 3)]
    assert images.tobytes() == b"".join(record.instance for record in expected)
    assert images.shape == (13, 28, 28)
    assert list(labels) == [10, 10, 3, *range(9, -1, -1)]


@pytest.mark.parametrize("name", ["predicted", "said"])
def test_labels_can_be_the_predictions(kept: list[Record], tmp_path: Path, name: str) -> None:
    export(tmp_path / "drawn", "--labels", name)
    assert labels_in(tmp_path / "drawn") == [1, 10, *range(9, -1, -1)]


def test_filters_select_the_exported_records(kept: list[Record], tmp_path: Path) -> None:
    cases = {
        ("--digit", "7"): [7],
        ("--model-version", "1"): [8, 6, 4, 2, 0],
        ("--verdict", "not_a_digit"): [10],
        ("--corrected-only",): [10, 3],
        ("--since", "2026-03-15"): [10, 10],
        ("--until", "2026-03-14", "--digit", "1"): [1],
        ("--since", "2026-03-14", "--until", "2026-03-15", "--digit", "1"): [10, 1],
        ("--since", "2030-01-01"): [],
        ("--until", "9999-12-31", "--digit", "2"): [2],
    }
    for number, (arguments, expected) in enumerate(cases.items()):
        export(tmp_path / str(number), *arguments)
        assert labels_in(tmp_path / str(number)) == expected, arguments


@pytest.mark.parametrize("name", ["records.jsonl", "records.jsonl.gz"])
def test_json_lines_hold_all_fields(kept: list[Record], tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert export(path, to="jsonl") == f"14 records written to {path}\n"
    if name.endswith(".gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    lines = lines_of(tmp_path / "records.jsonl")
    assert [UUID(line["id"]) for line in lines] == [record.id for record in kept]
    for line, record in zip(lines, kept, strict=True):
        assert datetime.fromisoformat(line["predicted_at"]) == record.predicted_at
        assert base64.b64decode(line["picture"]) == record.picture
        assert base64.b64decode(line["instance"]) == record.instance
        assert line["ink"] == INK
        assert line["picture_type"] == "image/png"
        for same in ("verdict", "digit", "confidence", "probabilities", "latency_ms", "visitor"):
            assert line[same] == getattr(record, same)
    assert [line["label"] for line in lines[:5]] == ["not_a_digit", "not_a_digit", "3", None, "9"]
    assert (lines[0]["corrected_label"], lines[0]["corrected_by"]) == ("not_a_digit", "ada")


def test_nothing_is_overwritten_without_force(kept: list[Record], tmp_path: Path) -> None:
    for to, name in (("jsonl", "a.jsonl"), ("idx", "a")):
        export(tmp_path / name, to=to)
        with pytest.raises(CommandError, match=r"exists; --force replaces it"):
            export(tmp_path / name, to=to)
        export(tmp_path / name, "--digit", "5", "--force", to=to)
    assert labels_in(tmp_path / "a") == [5]
    assert len(lines_of(tmp_path / "a.jsonl")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.jsonl"]


def test_force_replaces_only_the_folder_of_an_export(kept: list[Record], tmp_path: Path) -> None:
    precious = tmp_path / "home" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    with pytest.raises(CommandError, match="--force does not replace it"):
        export(precious.parent, "--force")
    assert precious.read_text() == "years of work"


@pytest.mark.parametrize("to", ["jsonl", "idx"])
def test_an_interrupted_export_leaves_nothing_behind(
    kept: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    whole = store().scan

    def breaking(filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        for number, record in enumerate(whole(filters, pictures=pictures)):
            if number == 5:
                raise StoreUnavailable("the cable was pulled")
            yield record

    monkeypatch.setattr(store(), "scan", breaking)
    with pytest.raises(CommandError, match="nothing was exported: the cable was pulled"):
        export(tmp_path / "drawn", to=to)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (["--since", "yesterday"], "--since: 'yesterday' is not a day; a day is like"),
        (["--since", "2026-03-15", "--until", "2026-03-14"], "is before --since 2026-03-15"),
        (["--digit", "12"], "--digit"),
        (["--verdict", "maybe"], "--verdict"),
        (["--labels", "guessed"], "--labels"),
    ],
)
def test_an_invalid_argument_is_refused(tmp_path: Path, arguments: list[str], because: str) -> None:
    with pytest.raises(CommandError, match=because):
        export(tmp_path / "drawn", *arguments)
    assert not (tmp_path / "drawn").exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"there is no folder {tmp_path}/nowhere"):
        export(tmp_path / "nowhere" / "drawn", to="jsonl")
