"""Events that Cassandra does not take are spooled and replayed, and none is lost."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cassandra import InvalidRequest
from cassandra.cluster import NoHostAvailable
from django.db import connection

from tests.harness.waiting import wait_until
from tests.webui.records.factory import equal, make_record
from tests.webui.records.walking import all_ids
from webui.leases import Lease
from webui.privacy.services import delete_everything
from webui.records.models import Record
from webui.records.store import Filters, Recorded, RecordNotFound, StoreUnavailable
from webui.records_cassandra.models import Lease as LeaseRow
from webui.records_cassandra.models import SpooledEvent
from webui.records_cassandra.spool.worker import SPOOL_LEASE
from webui.records_cassandra.store import CassandraStore
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.bucket_width import BucketWidth
from webui.records_cassandra.tables.buckets import partition_of


class Cut:
    """Cuts a store off from Cassandra at a chosen moment.

    The tests of the ring stop real nodes instead.
    """

    def __init__(self, store: CassandraStore) -> None:
        self._session = store.session
        self._real = store.session.execute_async
        self.taken_but_silent = False

    def cut(self, *, taken_but_silent: bool = False) -> None:
        """Cuts the store off; with `taken_but_silent` Cassandra still applies every statement."""
        self.taken_but_silent = taken_but_silent
        self._session.execute_async = self._send_and_lose  # type: ignore[method-assign]

    def _send_and_lose(self, statement: Any) -> Any:
        if self.taken_but_silent:
            self._real(statement).result()

        class Lost:
            @staticmethod
            def result() -> None:
                raise NoHostAvailable("cut by the test", {})

        return Lost

    def mend(self) -> None:
        self._session.execute_async = self._real  # type: ignore[method-assign]


@pytest.fixture
def cut(store: CassandraStore) -> Iterator[Cut]:
    cut = Cut(store)
    yield cut
    cut.mend()


def replay(store: CassandraStore) -> int:
    store.circuit_breaker.close()
    return sum(store.worker.replay())


def test_a_record_is_spooled_and_replayed(store: CassandraStore, cut: Cut) -> None:
    cut.cut()
    record = make_record()
    assert store.append(record) is Recorded.SPOOLED
    assert store.pending() == 1
    assert equal(store.get(record.id), record)  # without Cassandra
    cut.mend()
    assert replay(store) == 1
    assert store.pending() == 0
    assert equal(store.get(record.id), record)


def test_an_open_circuit_breaker_spares_cassandra(store: CassandraStore, cut: Cut) -> None:
    cut.cut()
    store.append(make_record())
    cut.mend()
    assert store.circuit_breaker.open
    assert store.append(make_record()) is Recorded.SPOOLED
    with pytest.raises(StoreUnavailable):
        store.page(Filters(), size=3)
    with pytest.raises(StoreUnavailable):
        store.get(make_record().id)
    store.check()  # the spool would take a prediction


def test_an_insert_that_was_taken_but_timed_out_is_not_doubled(
    store: CassandraStore, cut: Cut
) -> None:
    cut.cut(taken_but_silent=True)
    record = make_record()
    assert store.append(record) is Recorded.SPOOLED
    cut.mend()
    # It is corrected before it is replayed.
    store.circuit_breaker.close()
    assert store.correct(record.id, label="4", by="ada", at=datetime.now(UTC)) is Recorded.SPOOLED
    assert replay(store) == 2
    assert all_ids(store) == [record.id]
    assert store.get(record.id).corrected_label == "4"


def test_events_of_a_record_keep_their_order(store: CassandraStore, cut: Cut) -> None:
    kept, corrected, deleted = make_record(), make_record(), make_record()
    cut.cut()
    for record in (kept, corrected, deleted):
        store.append(record)
    at = datetime.now(UTC)
    assert store.correct(corrected.id, label="1", by="ada", at=at) is Recorded.SPOOLED
    assert store.delete([deleted.id]) is Recorded.SPOOLED
    assert store.get(corrected.id).corrected_at == at
    for call in (store.get, lambda one: store.correct(one, label="1", by="a", at=at)):
        with pytest.raises(RecordNotFound):
            call(deleted.id)
    cut.mend()
    assert replay(store) == 5
    assert set(all_ids(store)) == {kept.id, corrected.id}
    assert store.get(corrected.id).corrected_label == "1"


def test_corrections_and_deletions_of_stored_records_are_spooled_too(
    store: CassandraStore, cut: Cut
) -> None:
    records = [make_record() for _ in range(3)]
    for record in records:
        store.append(record)
    cut.cut()
    at = datetime.now(UTC)
    assert store.correct(records[0].id, label="1", by="ada", at=at) is Recorded.SPOOLED
    assert store.delete([records[1].id]) is Recorded.SPOOLED
    cut.mend()
    store.circuit_breaker.close()
    # Pending events are applied to what is read.
    assert store.get(records[0].id).corrected_label == "1"
    with pytest.raises(RecordNotFound):
        store.get(records[1].id)
    assert replay(store) == 2
    assert store.get(records[0].id).corrected_label == "1"
    assert set(all_ids(store)) == {records[0].id, records[2].id}


def test_a_correction_of_a_missing_record_is_dropped(store: CassandraStore, cut: Cut) -> None:
    cut.cut()
    store.correct(make_record().id, label="1", by="ada", at=datetime.now(UTC))
    cut.mend()
    replay(store)
    assert store.pending() == 0
    assert store.page(Filters(), size=3).records == ()


def test_an_interrupted_replay_keeps_the_rest(store: CassandraStore, cut: Cut) -> None:
    cut.cut()
    records = [make_record() for _ in range(5)]
    for record in records:
        store.append(record)
    with pytest.raises(StoreUnavailable):
        replay(store)
    assert store.pending() == 5
    cut.mend()
    assert replay(store) == 5
    assert len(all_ids(store)) == 5


def test_several_workers_replay_each_record_once(store: CassandraStore, cut: Cut) -> None:
    cut.cut()
    records = [make_record() for _ in range(350)]
    for record in records:
        store.append(record)
    cut.mend()

    def replay_all(_: int) -> int:
        other = CassandraStore(store.settings, background=False)
        count = 0
        try:
            other.session.connect(timeout=60)
            while other.pending():
                count += sum(other.worker.replay())
            return count
        finally:
            other.close()
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        assert sum(threads.map(replay_all, range(3))) == len(records)
    store.circuit_breaker.close()
    assert all_ids(store) == [record.id for record in reversed(records)]


def test_a_killed_worker_is_replaced_by_another(store: CassandraStore, cut: Cut) -> None:
    cut.cut()
    store.append(make_record())
    cut.mend()
    assert Lease(LeaseRow, SPOOL_LEASE).acquire()  # by a process that is killed afterwards
    assert replay(store) == 0
    LeaseRow.objects.update(until=datetime.now(UTC) - timedelta(seconds=1))
    assert replay(store) == 1


def test_a_refused_record_is_kept_and_others_go_first(
    store: CassandraStore, cut: Cut, caplog: pytest.LogCaptureFixture
) -> None:
    bad = make_record(confidence="not a number")
    assert store.append(bad) is Recorded.SPOOLED  # the visitor gets an answer
    assert "refused" in caplog.text
    cut.cut()
    good = make_record()
    store.append(good)
    cut.mend()
    assert replay(store) == 1
    assert all_ids(store) == [good.id]
    postponed = SpooledEvent.objects.get()
    assert (postponed.record_id, postponed.refusals) == (bad.id, 1)
    assert postponed.refused_because
    assert postponed.not_before is not None


def test_an_invalid_statement_is_not_translated(store: CassandraStore) -> None:
    with pytest.raises(InvalidRequest):
        store.session.prepare("SELECT no_such_column FROM mnist_key.record_data")


def test_a_replay_uses_the_bucket_that_was_tried_first(store: CassandraStore, cut: Cut) -> None:
    """An insert timed out but was applied, and width and shards change before the replay."""
    cut.cut(taken_but_silent=True)
    record = make_record()
    store.append(record)
    cut.mend()
    finer = CassandraStore(
        dataclasses.replace(store.settings, layout=BucketLayout(BucketWidth.MINUTE, 4)),
        background=False,
    )
    try:
        finer.session.connect(timeout=60)
        assert replay(finer) == 1
        rows = finer.session.connect().execute("SELECT bucket, id FROM mnist_key.record_data")
        assert [row["bucket"] for row in rows] == [partition_of(record.id, store.settings.layout)]
    finally:
        finer.close()


def test_the_worker_thread_replays(store: CassandraStore, cut: Cut) -> None:
    cut.cut()
    record: Record = make_record()
    store.append(record)
    assert store.circuit_breaker.open
    cut.mend()
    store.worker.ensure_started()
    wait_until(lambda: not store.pending(), seconds=20)
    assert not store.circuit_breaker.open
    assert store.page(Filters(), size=3).records[0].id == record.id


def test_a_record_whose_deletion_is_pending_is_on_no_page(store: CassandraStore, cut: Cut) -> None:
    deleted, kept = make_record(), make_record()
    store.append(deleted)
    store.append(kept)
    cut.cut()
    assert store.delete([deleted.id]) is Recorded.SPOOLED
    cut.mend()
    store.circuit_breaker.close()
    assert [record.id for record in store.page(Filters(), size=5).records] == [kept.id]
    assert replay(store) == 1
    assert [record.id for record in store.page(Filters(), size=5).records] == [kept.id]


def test_everything_of_a_visitor_is_deleted_from_the_spool_too(
    store: CassandraStore, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.privacy.services.store", lambda: store)
    mine, others = "a" * 32, "b" * 32
    store.append(make_record(visitor=mine))
    cut.cut()
    spooled = make_record(visitor=mine)
    kept = make_record(visitor=others)
    store.append(spooled)
    store.append(kept)
    assert store.pending_of(mine) == (spooled.id,)
    with pytest.raises(StoreUnavailable):  # what Cassandra holds cannot be found now
        delete_everything(mine)
    cut.mend()
    store.circuit_breaker.close()
    assert delete_everything(mine) == 2  # asked for again
    replay(store)
    assert all_ids(store) == [kept.id]
