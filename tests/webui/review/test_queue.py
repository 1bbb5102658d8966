"""The queue: what is shown first, and to whom."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.webui.records.factory import NOON, append_records, make_record
from webui.records.database_store import DatabaseStore
from webui.records.models import Record, Verdict
from webui.records.store import store
from webui.review import queue, services
from webui.review.models import Dispute, ReviewLease
from webui.review.queue import Reason
from webui.rollout.models import ShadowAnswer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_store")]


def keep(*records: Record) -> list[UUID]:
    for record in records:
        DatabaseStore().append(record)
    return [record.id for record in records]


def shown(reviewer: str, count: int = 50) -> list[UUID]:
    return [one.record.id for one in queue.assign(reviewer, count)]


def open_again() -> None:
    """Ends all leases, as time does."""
    ReviewLease.objects.update(until=datetime.now(UTC) - timedelta(seconds=1))


def test_suspicious_drawings_come_first() -> None:
    sure, other = make_record(confidence=0.99), make_record(confidence=0.98)
    low = make_record(confidence=0.7)
    unsure = make_record(confidence=0.5, verdict=Verdict.UNSURE)
    corrected = make_record(confidence=0.99, corrected_label="3")  # the model's share: 0.01
    confirmed = make_record(confidence=0.97, corrected_label="7")
    disagreeing = make_record(confidence=0.96)
    keep(sure, other, low, unsure, corrected, confirmed, disagreeing)
    for record, agrees in ((disagreeing, False), (sure, True)):
        ShadowAnswer.objects.create(
            record_id=record.id,
            recorded_at=record.predicted_at,
            version=5,
            label="7" if agrees else "1",
            verdict=Verdict.DIGIT,
            confidence=0.9,
            answered_version=4,
            answered_label="7",
            agrees=agrees,
        )
    assigned = queue.assign("ada", 50)
    assert [(one.record.id, one.reason) for one in assigned[:4]] == [
        (corrected.id, Reason.CORRECTED),
        (unsure.id, Reason.UNSURE),
        (low.id, Reason.LOW_CONFIDENCE),
        (disagreeing.id, Reason.DISAGREEING),
    ]
    assert {one.record.id for one in assigned[4:]} == {sure.id, other.id, confirmed.id}


def test_nobody_is_shown_what_is_decided() -> None:
    one, other = keep(make_record(), make_record())
    services.decide(one, label="7", reviewer="ada")
    assert shown("ada") == [other]
    services.undo("ada")
    assert set(shown("ada")) == {one, other}


def test_two_reviewers_get_different_drawings_until_the_lease_ends() -> None:
    ids = set(keep(*(make_record() for _ in range(6))))
    first = set(shown("ada", 3))
    assert set(shown("bob", 6)) == ids - first
    assert set(shown("ada", 3)) == first  # a page that is loaded again
    open_again()
    assert len(shown("bob", 6)) == 6


def test_a_third_reviewer_is_shown_what_two_see_differently_first() -> None:
    (disputed,) = keep(make_record(at=NOON, confidence=0.99))
    keep(*(make_record(confidence=0.3) for _ in range(3)))
    services.decide(disputed, label="7", reviewer="ada")
    services.decide(disputed, label="1", reviewer="bob")
    (first, *_) = queue.assign("cy", 5)
    assert (first.record.id, first.reason) == (disputed, Reason.DISPUTED)
    assert disputed not in shown("ada") + shown("bob")
    services.decide(disputed, label="1", reviewer="cy")
    assert not Dispute.objects.exists()
    assert disputed not in shown("dan")


def test_undo_ends_a_dispute_and_deleting_the_record_too() -> None:
    one, other = keep(make_record(), make_record())
    for record_id in (one, other):
        services.decide(record_id, label="7", reviewer="ada")
        services.decide(record_id, label="1", reviewer="bob")
    assert Dispute.objects.count() == 2
    services.undo("bob")
    assert list(Dispute.objects.values_list("pk", flat=True)) == [one]
    store().delete([one])
    assert not Dispute.objects.exists()


def test_every_tenth_drawing_is_shown_to_a_second_reviewer() -> None:
    records = append_records(DatabaseStore(), 200)
    for record in records:
        services.decide(record.id, label="7", reviewer="ada")
    assigned = queue.assign("bob", 200)
    assert {one.reason for one in assigned} == {Reason.SECOND_OPINION}
    assert 5 <= len(assigned) <= 45  # of 200, 20 are expected
    for one in assigned:
        services.decide(one.record.id, label="7", reviewer="bob")
    assert shown("cy") == []


def test_earlier_windows_reach_the_whole_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WINDOW", 4)
    records = append_records(DatabaseStore(), 10)
    before, reached = None, []
    while True:
        reached += [one.record.id for one in queue.assign("ada", 50, before=before)]
        before = queue.earlier(before)
        if before is None:
            break
    assert sorted(reached) == sorted(record.id for record in records)


def test_the_window_bounds_what_is_read(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: object
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 20)
    append_records(DatabaseStore(), 600)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        assert len(queue.rankings.get(None).candidates) == 20


def test_a_drawing_deleted_since_the_ranking_is_left_out() -> None:
    one, other = keep(make_record(), make_record())
    queue.rankings.get(None)
    store().delete([one])
    assert shown("ada") == [other]


def test_a_random_sample_is_the_same_for_all() -> None:
    records = [make_record(confidence=0.99) for _ in range(100)]
    order = [one.record_id for one in queue.rank(records)]
    random.Random(1).shuffle(records)
    assert [one.record_id for one in queue.rank(records)] == order
    by_time = sorted(order, key=lambda record_id: record_id.time)
    assert order != by_time
