"""The canary's share of visitors: each keeps their version, also when the share grows."""

import pytest
from django.db import DatabaseError, connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, Settings

from webui.rollout.canary import label_for, place_of, shares
from webui.rollout.models import RolloutState


@pytest.fixture(autouse=True)
def _own_model(settings: Settings) -> None:
    settings.MODEL_NAME = "digits"
    shares.forget()


def share(percent: int) -> None:
    RolloutState.objects.update_or_create(pk="digits", defaults={"canary_share": percent})
    shares.forget()


@given(visitor=st.text(min_size=1), name=st.text())
def test_a_place_is_within_0_and_100_and_always_the_same(visitor: str, name: str) -> None:
    place = place_of(visitor, model_name=name)
    assert 0 <= place < 100
    assert place_of(visitor, model_name=name) == place


def test_places_are_spread_evenly() -> None:
    places = [place_of(f"visitor {number}", model_name="digits") for number in range(10_000)]
    for tenth in range(10):
        within = sum(tenth * 10 <= place < tenth * 10 + 10 for place in places)
        assert 850 < within < 1150  # 1000 expected, 5 standard deviations of 30


@pytest.mark.django_db
def test_a_larger_share_keeps_the_visitors_of_a_smaller_one() -> None:
    visitors = [f"visitor {number}" for number in range(500)]
    had: set[str] = set()
    for percent in (0, 1, 10, 50, 99, 100):
        share(percent)
        have = {visitor for visitor in visitors if label_for(visitor) == "canary"}
        assert had <= have
        had = have
        if percent == 0:
            assert not have
    assert len(had) == 500


@pytest.mark.django_db
def test_an_unknown_visitor_gets_stable() -> None:
    share(100)
    assert label_for("") == "stable"
    assert label_for("somebody") == "canary"


@pytest.mark.django_db
def test_without_a_row_all_visitors_get_stable() -> None:
    shares.forget()
    assert label_for("somebody") == "stable"


@pytest.mark.django_db
def test_the_share_is_cached(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    share(50)
    with django_assert_num_queries(1):
        for number in range(100):
            label_for(f"visitor {number}")


@pytest.mark.django_db
def test_an_unavailable_database_leaves_the_share_unchanged() -> None:
    share(100)
    assert label_for("somebody") == "canary"
    shares.forget()

    def unavailable(*_: object) -> None:
        raise DatabaseError("unavailable")

    with connection.execute_wrapper(unavailable):
        assert label_for("somebody") == "canary"
