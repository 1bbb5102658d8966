"""Review queue, dashboard and shadow on records in Cassandra: the same as in the database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.webui.records.factory import NOON, make_record
from webui.dashboard import statistics
from webui.records.database_store import DatabaseStore
from webui.records.models import Record, Verdict
from webui.records.store import RecordStore
from webui.records.store import store as configured_store
from webui.records_cassandra.store import CassandraStore
from webui.review import queue, services
from webui.review.models import Decision, ReviewLease
from webui.rollout.models import ShadowAnswer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fresh_store")]

in_use: list[RecordStore] = []


def the_store() -> RecordStore:
    """Stand in for the class that RECORD_STORE names."""
    return in_use[0]


@pytest.fixture
def use(settings: Any) -> Callable[[RecordStore], None]:
    """A function that makes a store the site's."""

    def choose(store: RecordStore) -> None:
        in_use[:] = [store]
        settings.RECORD_STORE = f"{__name__}.the_store"
        configured_store.cache_clear()
        queue.rankings.clear()

    return choose


def some_records() -> list[Record]:
    return [
        make_record(
            at=NOON + timedelta(hours=5 * number),  # in several buckets
            digit=number % 10,
            model_version=1 + number % 2,
            confidence=0.5 + number / 100,
            verdict=Verdict.UNSURE if number % 7 == 0 else Verdict.DIGIT,
        )
        for number in range(30)
    ]


def test_queue_and_dashboard_are_the_same_in_either_store(
    store: CassandraStore, use: Callable[[RecordStore], None]
) -> None:
    records = some_records()
    found = []
    for one in (store, DatabaseStore()):
        for record in records:
            one.append(record)
        for record in records[::5]:
            one.correct(record.id, label="3", by="visitor", at=NOON + timedelta(days=9))
        use(one)
        services.decide(records[1].id, label="8", reviewer="ada")
        order = [(each.record.id, each.reason) for each in queue.assign("bob", 50)]
        found.append((order, replace(statistics.compute(), made_at=NOON)))
        services.undo("ada")
        ReviewLease.objects.all().delete()
    assert found[0] == found[1]
    order, figures = found[0]
    assert len(order) in (29, 30)  # a decided drawing may be shown for a second opinion
    assert figures.total.readings == 30
    assert figures.confusion["8", "1"] == 1


def test_what_was_decided_and_read_goes_with_its_record(
    store: CassandraStore, use: Callable[[RecordStore], None]
) -> None:
    record = make_record()
    store.append(record)
    use(store)
    services.decide(record.id, label="7", reviewer="ada")
    ShadowAnswer.objects.create(
        record_id=record.id,
        recorded_at=record.predicted_at,
        version=3,
        label="1",
        verdict=Verdict.DIGIT,
        confidence=0.9,
        answered_version=2,
        answered_label="7",
        agrees=False,
    )
    store.delete([record.id])
    assert not Decision.objects.exists()
    assert not ShadowAnswer.objects.exists()
