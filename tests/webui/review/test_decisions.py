"""Decisions: one reviewer suffices, a third settles a difference, and undo takes the last back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.webui.records.factory import NOON, append_records, make_record
from webui.records.database_store import DatabaseStore
from webui.records.models import new_record_id
from webui.records.pruning import prune
from webui.records.retention import Retention
from webui.records.store import RecordNotFound, store
from webui.review import selectors, services
from webui.review.models import Decision

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _database_store() -> Iterator[None]:
    store.cache_clear()
    yield
    store.cache_clear()


def a_record(**changed: Any) -> UUID:
    record = make_record(**changed)
    DatabaseStore().append(record)
    return record.id


def decide(record_id: UUID, *labels: str) -> None:
    for place, label in enumerate(labels):
        services.decide(record_id, label=label, reviewer=f"reviewer-{place}")


def test_a_decision_names_reviewer_answer_and_version() -> None:
    record_id = a_record(digit=4, model_version=3)
    decision = services.decide(record_id, label="9", reviewer="ada")
    assert (decision.reviewer, decision.answer, decision.model_version) == ("ada", "4", 3)
    assert Decision.objects.get() == decision


@pytest.mark.parametrize(
    ("labels", "final"),
    [
        ((), None),
        (("7",), "7"),
        (("7", "7"), "7"),
        (("7", "1"), None),
        (("7", "1", "1"), "1"),
        (("rejected", "not_a_digit", "rejected"), "rejected"),
        (("7", "1", "2"), None),
    ],
)
def test_the_final_label_is_that_of_one_or_of_the_majority(
    labels: tuple[str, ...], final: str | None
) -> None:
    record_id = a_record()
    decide(record_id, *labels)
    assert selectors.final_label(record_id) == final


def test_nobody_decides_twice_on_a_drawing_except_after_undoing() -> None:
    record_id = a_record()
    services.decide(record_id, label="7", reviewer="ada")
    with pytest.raises(services.AlreadyReviewed, match="undo"):
        services.decide(record_id, label="1", reviewer="ada")
    services.undo("ada")
    services.decide(record_id, label="1", reviewer="ada")
    assert selectors.final_label(record_id) == "1"


def test_undo_takes_back_ones_own_latest_and_keeps_the_row() -> None:
    first, second = a_record(), a_record()
    services.decide(first, label="7", reviewer="ada")
    services.decide(second, label="7", reviewer="ada")
    services.decide(second, label="7", reviewer="bob")
    assert [decision.record_id for decision in services.undo("ada")] == [second]
    assert [decision.record_id for decision in services.undo("ada")] == [first]
    with pytest.raises(services.NothingToUndo):
        services.undo("ada")
    assert Decision.objects.count() == 3
    assert selectors.final_label(second) == "7"  # of bob


def test_decisions_made_together_are_undone_together() -> None:
    ids = [a_record() for _ in range(3)]
    services.decide_together([(one, "7") for one in ids], reviewer="ada")
    assert {decision.record_id for decision in services.undo("ada")} == set(ids)
    assert not selectors.decisions_on(ids)


def test_of_decisions_made_together_all_or_none_are_kept() -> None:
    one, other = a_record(), a_record()
    services.decide(other, label="7", reviewer="ada")
    with pytest.raises(services.AlreadyReviewed):
        services.decide_together([(one, "7"), (other, "7")], reviewer="ada")
    with pytest.raises(RecordNotFound):
        services.decide_together([(one, "7"), (new_record_id(), "7")], reviewer="ada")
    assert selectors.final_label(one) is None


@pytest.mark.parametrize("label", ["", "10", "-1", "seven", "unsure"])
def test_another_label_is_refused(label: str) -> None:
    with pytest.raises(services.UnknownLabel, match="0 to 9"):
        services.decide(a_record(), label=label, reviewer="ada")


def test_final_decisions_come_in_the_order_of_their_records() -> None:
    records = append_records(DatabaseStore(), 5)  # newest first
    for record in records:
        services.decide(record.id, label="7", reviewer="ada")
    services.decide(records[1].id, label="1", reviewer="bob")
    finals = list(selectors.final_decisions())
    assert [final.record_id for final in finals] == [
        record.id for record in records[::-1] if record is not records[1]
    ]
    (last,) = selectors.final_decisions(since=NOON + timedelta(seconds=4))
    assert last.record_id == records[0].id


def test_decisions_are_deleted_with_their_record() -> None:
    deleted, kept = a_record(), a_record()
    for record_id in (deleted, kept):
        decide(record_id, "7", "1")
    services.undo("reviewer-1")
    store().delete([deleted])
    assert set(Decision.objects.values_list("record_id", flat=True)) == {kept}


@pytest.mark.django_db(transaction=True)
def test_decisions_expire_with_their_record() -> None:
    old = a_record(at=datetime.now(UTC) - timedelta(days=31))
    decide(old, "7")
    decide(a_record(), "7")
    elsewhere = Decision.objects.get(record_id=old)  # of a record that Cassandra has deleted
    elsewhere.pk, elsewhere.record_id = None, new_record_id()
    elsewhere.save(force_insert=True)
    prune(Retention(records=timedelta(days=30)))
    assert old not in selectors.decisions_on([old])
    assert Decision.objects.count() == 1
