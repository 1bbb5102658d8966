"""Conditions without an index: pages, cursors, and a bound on what is read."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from tests.webui.records.factory import NOON, append_records
from webui.records import searching
from webui.records.models import Record
from webui.records.searching import search
from webui.records.store import Filters, store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(searching, "CHUNK", 5)
    monkeypatch.setattr(searching, "SEARCHED", 20)
    store.cache_clear()
    yield
    store.cache_clear()


def every(step: int) -> searching.Condition:
    """Returns a condition that every so many seconds' record meets."""

    def condition(records: Sequence[Record]) -> Sequence[Record]:
        return [one for one in records if (one.predicted_at - NOON).seconds % step == 0]

    return condition


def walk(step: int, size: int) -> list[int]:
    """Returns the seconds of all records found by walking from the newest to the oldest page."""
    seconds, cursor = [], None
    while True:
        page = search(Filters(), [every(step)], size=size, older_than=cursor).page
        seconds += [(one.predicted_at - NOON).seconds for one in page.records]
        cursor = page.older_than
        if cursor is None:
            return seconds


@pytest.mark.parametrize(
    ("count", "step", "size"), [(50, 3, 4), (50, 1, 7), (50, 49, 3), (5, 9, 2)]
)
def test_walking_finds_each_match_once(count: int, step: int, size: int) -> None:
    append_records(store(), count)
    assert walk(step, size) == [second for second in range(count)[::-1] if second % step == 0]


def test_back_and_forth_is_the_same_page() -> None:
    append_records(store(), 40)
    first = search(Filters(), [every(3)], size=4).page
    second = search(Filters(), [every(3)], size=4, older_than=first.older_than).page
    back = search(Filters(), [every(3)], size=4, newer_than=second.newer_than).page
    assert [one.id for one in back.records] == [one.id for one in first.records]
    assert first.newer_than is None


def test_what_is_read_is_bounded_and_the_page_says_so() -> None:
    append_records(store(), 60)
    found = search(Filters(), [lambda records: []], size=4)
    assert found.page.records == ()
    assert found.searched_to == NOON + timedelta(seconds=40)  # 20 of 60
    assert found.page.older_than is not None


def test_without_conditions_it_is_the_stores_page() -> None:
    append_records(store(), 6)
    assert search(Filters(), [], size=4).page == store().page(Filters(), size=4)
