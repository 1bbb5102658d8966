"""Pages of a hundred records, in many buckets, with gaps."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.webui.records.factory import equal
from tests.webui.records.walking import ids, ids_of_pages, matches, walk_newer, walk_older
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
    expected = ids(record for record in reversed(hundred) if matches(record, filters))
    older = walk_older(same_store, filters, size=7)
    assert ids_of_pages(older) == expected
    assert ids_of_pages(walk_newer(same_store, filters, older[-1], size=7)) == expected
    assert ids(same_store.scan(filters)) == expected


def test_a_page_carries_instances_but_no_pictures(
    hundred: list[Record], same_store: CassandraStore
) -> None:
    page = same_store.page(Filters(), size=3)
    assert [bytes(record.instance) for record in page.records] == [
        record.instance for record in hundred[:-4:-1]
    ]
    assert not any(record.picture or record.ink for record in page.records)
    scanned = next(iter(same_store.scan(Filters(), pictures=True)))
    assert equal(scanned, hundred[-1])


def test_model_versions(hundred: list[Record], same_store: CassandraStore) -> None:
    assert same_store.model_versions() == [3, 2, 1]
