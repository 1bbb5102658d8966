"""Walking through records: a hundred of them, in many buckets, with gaps."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.cassandra.records import equal, newest_first, walk, walk_back
from webui.records.models import Record
from webui.records.store import Filters
from webui.records_cassandra.store import CassandraStore

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(digit=3),
        Filters(model_version=2),
        Filters(digit=3, model_version=1),
        Filters(verdict="unsure"),
        Filters(verdict="unsure", digit=5, model_version=3),
        Filters(verdict="not_a_digit"),
        Filters(since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=5)),
        Filters(since=NOON + timedelta(hours=1), digit=4),
    ],
    ids=str,
)
def test_pages_hold_every_match_once_in_both_directions(
    hundred: list[Record], same_store: CassandraStore, filters: Filters
) -> None:
    def matches(record: Record) -> bool:
        return (
            filters.digit in (None, record.digit)
            and filters.verdict in (None, record.verdict)
            and filters.model_version in (None, record.model_version)
            and (filters.since is None or record.predicted_at >= filters.since)
            and (filters.until is None or record.predicted_at < filters.until)
        )

    wanted = newest_first(filter(matches, hundred))
    ids, last = walk(same_store, filters)
    assert ids == wanted
    assert walk_back(same_store, filters, last) == wanted
    assert [record.id for record in same_store.scan(filters)] == wanted


def test_a_page_carries_instances_but_no_pictures(
    hundred: list[Record], same_store: CassandraStore
) -> None:
    page = same_store.page(Filters(), size=3)
    assert [bytes(record.instance) for record in page.records] == [hundred[0].instance] * 3
    assert not any(record.picture or record.ink for record in page.records)
    scanned = next(iter(same_store.scan(Filters(), pictures=True)))
    assert equal(scanned, hundred[-1])


def test_model_versions(hundred: list[Record], same_store: CassandraStore) -> None:
    assert same_store.model_versions() == [3, 2, 1]
