"""A snapshot: the same drawings give the same hash, and nothing changes it afterwards."""

import hashlib
import json
import random
import stat
import subprocess
import tracemalloc
from pathlib import Path

import mlcroissant
import numpy as np
import pytest

from tests.webui.datasets.snapshot_files import (
    contents,
    lines,
    records_of_writers,
    reviewed,
    snapshot,
)
from tests.webui.records.factory import append_records
from training.data import mnist
from webui.datasets.labels import Labelled
from webui.datasets.snapshots import DATA_FILES, NothingLabelled, write_snapshot
from webui.records.database_store import DatabaseStore
from webui.records.models import Record
from webui.records.store import StoreUnavailable

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 12  # of whom some are on either side of the split


@pytest.fixture
def store() -> DatabaseStore:
    return DatabaseStore()


def test_every_drawing_is_on_one_side_with_its_writer(store: DatabaseStore, tmp_path: Path) -> None:
    records = records_of_writers(store, writers=WRITERS)
    written = snapshot(tmp_path / "s", store, reviewed(records))
    parts = [lines(tmp_path / "s" / f"{split}.jsonl") for split in ("train", "test")]
    train, test = ({line["writer"] for line in part} for part in parts)
    assert sum(map(len, parts)) == written.drawings == len(records)
    assert train
    assert test
    assert not train & test
    assert written.writers == {"train": len(train), "test": len(test)}
    for part in parts:
        assert [line["id"] for line in part] == sorted(line["id"] for line in part)


def test_mnists_reader_reads_the_images_in_the_order_of_the_lines(
    store: DatabaseStore, tmp_path: Path
) -> None:
    records = records_of_writers(store, writers=WRITERS)
    snapshot(tmp_path / "s", store, reviewed(records))
    by_digit = {record.digit: record.instance for record in records}
    parts = mnist.load(tmp_path / "s", verify=False)
    for split, (images, labels) in zip(("train", "test"), parts, strict=True):
        assert labels.tolist() == [
            line["label"] for line in lines(tmp_path / "s" / f"{split}.jsonl")
        ]
        for image, label in zip(images, labels, strict=True):
            assert image.tobytes() == bytes(by_digit[int(label)])


def test_the_same_records_give_the_same_files_in_any_order(
    store: DatabaseStore, tmp_path: Path
) -> None:
    labelled = reviewed(records_of_writers(store, writers=4))
    one = snapshot(tmp_path / "one", store, labelled)
    random.Random(1).shuffle(labelled)
    other = snapshot(tmp_path / "other", store, labelled)
    assert one == other
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_the_same_drawings_at_another_time_have_the_same_hash(
    store: DatabaseStore, tmp_path: Path
) -> None:
    first, second = (records_of_writers(store, writers=4) for _ in range(2))
    one = snapshot(tmp_path / "one", store, reviewed(first))
    other = snapshot(tmp_path / "other", store, reviewed(second))
    assert {record.id for record in first}.isdisjoint(record.id for record in second)
    assert one.sha256 == other.sha256
    data = [
        {name: contents(tmp_path / path)[name] for name in DATA_FILES} for path in ("one", "other")
    ]
    assert data[0] == data[1]


@pytest.mark.parametrize("change", ["label", "missing", "more"])
def test_another_label_or_drawing_gives_another_hash(
    store: DatabaseStore, tmp_path: Path, change: str
) -> None:
    records = records_of_writers(store, writers=2)
    labelled = reviewed(records)
    before = snapshot(tmp_path / "before", store, labelled)
    if change == "label":
        labelled[3] = Labelled(record_id=records[3].id, label="not_a_digit", source="review")
    elif change == "missing":
        labelled.pop()
    else:
        labelled += reviewed(append_records(store, 1, visitor="new"))
    assert snapshot(tmp_path / "after", store, labelled).sha256 != before.sha256


def test_a_deleted_drawing_is_absent_and_the_snapshot_before_is_unchanged(
    store: DatabaseStore, tmp_path: Path
) -> None:
    records = records_of_writers(store, writers=3)
    labelled = reviewed(records)
    snapshot(tmp_path / "before", store, labelled)
    kept = contents(tmp_path / "before")
    store.delete([records[0].id])
    store.correct(records[1].id, label="3", by="Ada", at=records[1].predicted_at)
    after = snapshot(tmp_path / "after", store, labelled)
    assert after.missing == 1
    assert after.drawings == len(records) - 1
    origins = {line["record_id"] for line in lines(tmp_path / "after" / "origin.jsonl")}
    assert origins == {str(record.id) for record in records[1:]}
    assert contents(tmp_path / "before") == kept


def test_a_record_without_an_instance_is_left_out(store: DatabaseStore, tmp_path: Path) -> None:
    records = append_records(store, 2)
    Record.objects.filter(pk=records[0].pk).update(instance=b"")
    assert snapshot(tmp_path / "s", store, reviewed(records)).missing == 1


def test_a_folder_that_exists_is_never_changed(store: DatabaseStore, tmp_path: Path) -> None:
    labelled = reviewed(append_records(store, 2))
    snapshot(tmp_path / "s", store, labelled)
    before = contents(tmp_path / "s")
    with pytest.raises(FileExistsError):
        snapshot(tmp_path / "s", store, labelled[:1])
    assert contents(tmp_path / "s") == before
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "s").iterdir()}
    assert modes == {0o440}


def test_sha256sum_finds_every_file_unchanged(store: DatabaseStore, tmp_path: Path) -> None:
    written = snapshot(tmp_path / "s", store, reviewed(append_records(store, 3)))
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=tmp_path / "s", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert checked.stdout.count(": OK") == len(contents(tmp_path / "s")) - 1  # all but itself
    sums = (tmp_path / "s" / "SHA256SUMS").read_text().splitlines(keepends=True)
    of_data = "".join(line for line in sums if line.split()[1] in DATA_FILES)
    assert hashlib.sha256(of_data.encode()).hexdigest() == written.sha256


def test_counts(store: DatabaseStore, tmp_path: Path) -> None:
    records = append_records(store, 3, digit=7, model_version=2)
    records += append_records(store, 2, digit=1, model_version=3)
    snapshot(tmp_path / "s", store, reviewed(records))
    summary = json.loads((tmp_path / "s" / "snapshot.json").read_text())
    assert summary["counts"]["label"] == {"1": 2, "7": 3}
    assert summary["counts"]["model_version"] == {"2": 3, "3": 2}
    assert summary["counts"]["day"] == {"2026-03-14": 5}
    assert summary["counts"]["source"] == {"review": 5}


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:mlcroissant|rdflib|pyparsing")
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_croissant_is_valid_and_reads_the_drawings(store: DatabaseStore, tmp_path: Path) -> None:
    records = records_of_writers(store, writers=WRITERS)
    snapshot(tmp_path / "s", store, reviewed(records))
    dataset = mlcroissant.Dataset(jsonld=tmp_path / "s" / "croissant.json")
    assert not dataset.metadata.issues.errors
    assert not dataset.metadata.issues.warnings
    for split in ("train", "test"):
        read = list(dataset.records(split))
        expected = lines(tmp_path / "s" / f"{split}.jsonl")
        assert [row[f"{split}/label"] for row in read] == [line["label"] for line in expected]
        assert [row[f"{split}/id"].decode() for row in read] == [line["id"] for line in expected]


def test_without_labels_nothing_is_written(store: DatabaseStore, tmp_path: Path) -> None:
    append_records(store, 1)
    with pytest.raises(NothingLabelled):
        snapshot(tmp_path / "s", store, [])
    assert not list(tmp_path.iterdir())


def test_when_the_store_fails_nothing_is_written(store: DatabaseStore, tmp_path: Path) -> None:
    labelled = reviewed(append_records(store, 3))

    class Failing(DatabaseStore):
        def get(self, record_id: object) -> Record:
            raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        write_snapshot(tmp_path / "s", labelled, Failing())
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_number_of_drawings(
    store: DatabaseStore, tmp_path: Path
) -> None:
    (record,) = append_records(store, 1, ink=[[[x, x, x] for x in range(1500)]])
    (labelled,) = reviewed([record])

    def peak(count: int) -> int:
        tracemalloc.start()
        write_snapshot(tmp_path / str(count), (labelled for _ in range(count)), store)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few = peak(10)
    # 60 drawings are 1.3 MB of lines, and twice as much once parsed; measured is no growth.
    assert peak(60) < few + 500_000
    assert np.frombuffer((tmp_path / "60" / "train-labels-idx1-ubyte").read_bytes(), np.uint8).size
