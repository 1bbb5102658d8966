"""Leases in both of their tables: one holder at a time, and every lease ends."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from pytest_django import DjangoAssertNumQueries

from webui import leases
from webui.leases import Lease, LeaseLost
from webui.records_cassandra.models import Lease as RecordLease
from webui.rollout.models import RolloutState

COLUMNS = {RolloutState: ("lock_token", "locked_until"), RecordLease: ("holder", "until")}


def lease_of(model: type[Model]) -> Lease:
    holder, until = COLUMNS[model]
    return Lease(model, "digits", holder_column=holder, until_column=until)


@pytest.fixture(params=COLUMNS, ids=lambda model: model._meta.db_table)
def model(request: pytest.FixtureRequest, db: None) -> type[Model]:
    """A table with leases; the record store's exists only where Cassandra is configured."""
    table: type[Model] = request.param
    if table._meta.db_table not in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(connection.schema_editor().table_sql(table)[0])
    return table


@pytest.fixture
def make_lease(model: type[Model]) -> Callable[[], Lease]:
    return lambda: lease_of(model)


def set_end(model: type[Model], *, seconds: float) -> datetime:
    """Let every lease of the table end so many seconds from now."""
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    model._default_manager.update(**{COLUMNS[model][1]: end})
    return end


def row_of(model: type[Model]) -> dict[str, Any]:
    """The two columns of the one lease."""
    holder, until = COLUMNS[model]
    row = model._default_manager.values(holder, until).get()
    return {"holder": row[holder], "until": row[until]}


@pytest.fixture
def renewed_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEWALS", float("inf"))


def test_only_one_holds_it(make_lease: Callable[[], Lease]) -> None:
    first, second = make_lease(), make_lease()
    assert first.acquire()
    assert not second.acquire()
    assert first.acquire()  # asking again is harmless
    first.release()
    assert second.acquire()
    assert not first.acquire()


def test_one_that_is_not_held_is_not_released(
    make_lease: Callable[[], Lease], model: type[Model]
) -> None:
    first, second = make_lease(), make_lease()
    assert first.acquire()
    second.release()
    assert not second.acquire()
    first.release()
    assert row_of(model)["holder"] == ""
    assert row_of(model)["until"] <= datetime.now(UTC)


def test_of_two_that_find_it_free_at_once_one_gets_it(
    make_lease: Callable[[], Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_lease(), make_lease()
    rows = first._rows

    def overtaken() -> Any:
        monkeypatch.setattr(first, "_rows", rows)
        assert second.acquire()
        return rows()

    monkeypatch.setattr(first, "_rows", overtaken)
    assert not first.acquire()


def test_after_a_crash_it_ends(
    make_lease: Callable[[], Lease], model: type[Model], renewed_at_every_call: None
) -> None:
    crashed, other = make_lease(), make_lease()
    assert crashed.acquire()
    assert not other.acquire()
    set_end(model, seconds=-1)
    assert other.acquire()
    with pytest.raises(LeaseLost):
        crashed.renew()
    crashed.release()  # no longer its own
    other.renew()
    assert row_of(model)["holder"] != ""


def test_one_that_ended_but_that_nobody_took_is_renewed(
    make_lease: Callable[[], Lease], model: type[Model], renewed_at_every_call: None
) -> None:
    slow = make_lease()
    assert slow.acquire()
    set_end(model, seconds=-1)
    slow.renew()
    assert not make_lease().acquire()


def test_renewing_moves_its_end(
    make_lease: Callable[[], Lease],
    model: type[Model],
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    lease = make_lease()
    assert lease.acquire()
    soon = set_end(model, seconds=1)
    with django_assert_num_queries(0):
        lease.renew()
    monkeypatch.setattr(leases, "RENEWALS", float("inf"))
    lease.renew()
    assert row_of(model)["until"] > soon


def test_details_of_the_holder_are_stored_and_emptied(db: None) -> None:
    lease = lease_of(RolloutState)
    assert lease.acquire(locked_by="ada", locked_for="promote 2")
    state = RolloutState.objects.get()
    assert (state.locked_by, state.locked_for) == ("ada", "promote 2")
    lease.release()
    state = RolloutState.objects.get()
    assert (state.locked_by, state.locked_for) == ("", "")


def test_a_row_without_an_end_is_free(db: None) -> None:
    RolloutState.objects.create(pk="digits", locked_until=None)
    assert lease_of(RolloutState).acquire()
