"""Behaviour of the Cassandra store alone; `StoreSuite` tests what both stores do."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle

import pytest
from django.core.management import call_command

from tests.webui.records.factory import equal, make_record
from tests.webui.records.walking import all_ids, ids, ids_of_pages, walk_newer, walk_older
from webui.records.store import Filters, Recorded, RecordNotFound
from webui.records_cassandra.store import CassandraStore
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.bucket_width import BucketWidth
from webui.records_cassandra.tables.buckets import partition_of

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_a_corrected_record_is_read_as_it_was_written(store: CassandraStore) -> None:
    record = make_record(corrected_label="3", corrected_at=datetime.now(UTC), corrected_by="ada")
    assert store.append(record) is Recorded.STORED
    assert equal(store.get(record.id), record)


@pytest.mark.parametrize("shards", [1, 16])
def test_newer_pages_of_a_dense_bucket(store: CassandraStore, shards: int) -> None:
    """Oldest first through an index: slices of time get narrower where a bucket is dense."""
    records = [
        make_record(at=NOON + timedelta(milliseconds=3 * number), digit=number % 2)
        for number in range(400)
    ]
    store.writer.write_many(
        [(record, BucketLayout(BucketWidth.HOUR, shards)) for record in records]
    )
    older = walk_older(store, Filters(digit=1), size=9)
    assert ids_of_pages(older) == ids(records[1::2][::-1])
    newer = walk_newer(store, Filters(digit=1), older[-1], size=9)
    assert ids_of_pages(newer) == ids_of_pages(older)


def test_index_rows_of_earlier_releases_are_found(store: CassandraStore) -> None:
    """Months are also listed under the keys that earlier releases wrote."""
    record = make_record(at=NOON)
    store.append(record)
    driver = store.session.connect()
    rows = driver.execute("SELECT kind, value FROM mnist_key.record_catalog").all()
    months = [row for row in rows if row["kind"].startswith("months/hour/")]
    assert len(months) == 9  # combinations of digit, verdict and model version; the visitor
    driver.execute("TRUNCATE mnist_key.record_catalog", timeout=30)
    for row in rows:
        driver.execute(
            "INSERT INTO mnist_key.record_catalog (kind, value) VALUES (%s, %s)",
            (row["kind"].replace("months/hour/", "months of hour buckets, "), row["value"]),
        )
    for filters in (
        Filters(),
        Filters(digit=7),
        Filters(verdict="digit", model_version=2),
        Filters(visitor=record.visitor, digit=7),
    ):
        assert all_ids(store, filters) == [record.id]


def test_records_of_earlier_releases_are_listed_after_index_visitors(
    store: CassandraStore,
) -> None:
    records = [
        make_record(at=NOON - hour * timedelta(hours=30), visitor="key:1") for hour in (0, 1)
    ]
    for record in records:
        store.append(record)
    driver = store.session.connect()
    rows = driver.execute("SELECT * FROM mnist_key.record_buckets").all()
    driver.execute("TRUNCATE mnist_key.record_buckets", timeout=30)
    for row in rows:
        if not row["facet"].startswith("visitor="):
            driver.execute(
                "INSERT INTO mnist_key.record_buckets (facet, grain, month, starts_at) "
                "VALUES (%s, %s, %s, %s)",
                (row["facet"], row["grain"], row["month"], row["starts_at"]),
            )
    own = Filters(visitor="key:1")
    assert all_ids(store, own) == []
    call_command("index_visitors", verbosity=0)
    assert all_ids(store, own) == ids(records)


LAYOUTS = [BucketLayout(width, shards) for width in BucketWidth for shards in (1, 3, 16)]


def test_changed_layouts_hide_nothing(store: CassandraStore) -> None:
    """Width and shards change back and forth; every record is found, in order and by its id."""
    stores = [
        CassandraStore(dataclasses.replace(store.settings, layout=layout), background=False)
        for layout in LAYOUTS
    ]
    records = [make_record(at=NOON + timedelta(minutes=7 * number)) for number in range(36)]
    for record, changed in zip(records, cycle(stores), strict=False):
        assert changed.append(record) is Recorded.STORED
    for changed in stores:
        changed.close()
    older = walk_older(store, Filters(digit=7), size=7)
    assert ids_of_pages(older) == ids(reversed(records))
    assert ids_of_pages(walk_newer(store, Filters(), older[-1], size=7)) == ids_of_pages(older)
    for record in records:
        assert equal(store.get(record.id), record)
        store.correct(record.id, label="1", by="ada", at=datetime.now(UTC))
        assert store.get(record.id).corrected_label == "1"
    store.delete([record.id for record in records])
    assert store.page(Filters(), size=5).records == ()


def test_a_late_insert_does_not_revive_a_deleted_record(store: CassandraStore) -> None:
    record = make_record()
    store.append(record)
    store.delete([record.id])
    store.append(record)
    with pytest.raises(RecordNotFound):
        store.get(record.id)
    assert store.page(Filters(), size=5).records == ()


def test_a_record_of_a_fast_clock_can_be_deleted(store: CassandraStore) -> None:
    record = make_record(at=datetime.now(UTC) + timedelta(minutes=5))
    store.append(record)
    store.delete([record.id])
    with pytest.raises(RecordNotFound):
        store.get(record.id)


def test_a_correction_concurrent_with_a_deletion_leaves_no_record(store: CassandraStore) -> None:
    record = make_record()
    store.append(record)
    store.delete([record.id])
    correction = store.writer._begin_correction(
        record.id,
        bucket=partition_of(record.id, store.settings.layout),
        label="1",
        by="ada",
        at=datetime.now(UTC) + timedelta(seconds=1),
        ttl=0,
    )
    store.session.result(correction)
    with pytest.raises(RecordNotFound):
        store.get(record.id)
    assert store.page(Filters(), size=5).records == ()


def test_the_later_correction_wins_even_with_a_slow_clock(store: CassandraStore) -> None:
    record = make_record()
    store.append(record)
    now = datetime.now(UTC)
    store.correct(record.id, label="1", by="ada", at=now)
    store.correct(record.id, label="2", by="bob", at=now - timedelta(seconds=5))
    assert store.get(record.id).corrected_label == "2"


def test_eight_threads_make_the_first_insert(store: CassandraStore) -> None:
    """Eight threads use a new store for the first time at once; none fails."""
    fresh = CassandraStore(store.settings, background=False)
    ready = threading.Barrier(8)

    def insert(_: int) -> Recorded:
        ready.wait()
        return fresh.append(make_record())

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(insert, range(8)))
    fresh.close()
    assert outcomes == [Recorded.STORED] * 8


def test_time_to_live(store: CassandraStore) -> None:
    """Records and pictures expire after their time to live, also if they were written late."""
    day = timedelta(days=1)
    short = CassandraStore(
        dataclasses.replace(store.settings, records_ttl=3 * day, pictures_ttl=day), background=False
    )
    try:
        new, old, over = (
            make_record(at=datetime.now(UTC) - age) for age in (timedelta(), 2 * day, 4 * day)
        )
        for record in (new, old, over):
            assert short.append(record) is Recorded.STORED
        short.correct(new.id, label="1", by="ada", at=datetime.now(UTC))
        assert all_ids(short) == [new.id, old.id]
        assert short.get(new.id).picture == new.picture
        assert short.get(old.id).picture == b""
        assert short.get(old.id).instance == old.instance
        row = (
            short.session.connect()
            .execute(
                "SELECT TTL(digit) AS digit, TTL(corrected_label) AS corrected "
                "FROM mnist_key.record_data WHERE bucket = %s AND id = %s",
                (partition_of(new.id, store.settings.layout), new.id),
            )
            .one()
        )
        # A correction that outlived its record would be a row without a prediction.
        assert 0 < row["corrected"] <= row["digit"] <= 3 * day.total_seconds()
    finally:
        short.close()
