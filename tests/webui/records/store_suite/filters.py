"""Filters, and cursors within them."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import product

from tests.webui.records.factory import NOON, append_records, make_record
from tests.webui.records.walking import (
    all_ids,
    ids,
    ids_of_pages,
    matches,
    walk_newer,
    walk_older,
)
from webui.records.models import Record, Verdict
from webui.records.store import Filters, RecordStore


def append_mixture(store: RecordStore) -> list[Record]:
    """Appends every digit and verdict for three versions, over four days; newest first.

    The versions of a kind follow within minutes, so that they share an hour's bucket.
    """
    kinds: list[tuple[int | None, Verdict]] = [(digit, Verdict.DIGIT) for digit in range(10)]
    kinds += [(3, Verdict.UNSURE), (8, Verdict.UNSURE), (None, Verdict.NOT_A_DIGIT)]
    records = [
        make_record(
            at=NOON + number * timedelta(hours=6) + minute * timedelta(minutes=1),
            digit=digit,
            verdict=verdict,
            model_version=version,
        )
        for number, (digit, verdict) in enumerate(kinds)
        for minute, version in enumerate((1, 2, 10))
    ]
    for record in records:
        store.append(record)
    return records[::-1]


class FilterSuite:
    def test_every_combination_of_filters_shows_the_matching_records(
        self, record_store: RecordStore
    ) -> None:
        records = append_mixture(record_store)
        spans = [
            (None, None),
            (NOON + timedelta(days=1), NOON + timedelta(days=2)),
            (None, NOON + timedelta(hours=30)),
            (NOON + timedelta(hours=50), None),
        ]
        for digit, verdict, version, (since, until) in product(
            (None, 3, 8), (None, "unsure", "not_a_digit"), (None, 2, 10, 99), spans
        ):
            filters = Filters(
                digit=digit, verdict=verdict, model_version=version, since=since, until=until
            )
            expected = [record.id for record in records if matches(record, filters)]
            older = walk_older(record_store, filters, size=4)
            assert ids_of_pages(older) == expected, asdict(filters)
            newer = walk_newer(record_store, filters, older[-1], size=4)
            assert ids_of_pages(newer) == expected, asdict(filters)
            assert ids(record_store.scan(filters, pictures=False)) == expected

    def test_cursors_work_in_both_directions_within_filters(
        self, record_store: RecordStore
    ) -> None:
        records = append_mixture(record_store)
        filters = Filters(digit=3)
        matching = [record.id for record in records if record.digit == 3]
        assert len(matching) == 6
        page = record_store.page(filters, size=2, older_than=matching[1])
        assert ids(page.records) == matching[2:4]
        assert (page.newer_than, page.older_than) == (matching[2], matching[3])
        page = record_store.page(filters, size=2, newer_than=matching[4])
        assert ids(page.records) == matching[2:4]
        # The record of a cursor need not match the filters.
        other = next(record for record in records[10:] if record.digit != 3)
        page = record_store.page(filters, size=50, older_than=other.id)
        assert ids(page.records) == [
            record.id
            for record in records
            if record.digit == 3 and record.predicted_at < other.predicted_at
        ]

    def test_a_visitors_records_are_shown_with_every_filter(
        self, record_store: RecordStore
    ) -> None:
        visitors = ("a" * 32, "b" * 32, "key:1", "")
        records = [
            make_record(
                at=NOON + number * timedelta(minutes=7),
                visitor=visitors[number % 4],
                digit=number % 3,
                verdict=("digit", "unsure")[number % 5 == 0],
                model_version=1 + number % 2,
            )
            for number in range(48)
        ][::-1]
        for record in records:
            record_store.append(record)
        for visitor, digit, verdict, since in product(
            ("a" * 32, "key:1", "c" * 32),
            (None, 1),
            (None, "unsure"),
            (None, NOON + timedelta(hours=2)),
        ):
            filters = Filters(visitor=visitor, digit=digit, verdict=verdict, since=since)
            expected = [record.id for record in records if matches(record, filters)]
            pages = walk_older(record_store, filters, size=2)
            assert ids_of_pages(pages) == expected, asdict(filters)
            newer = walk_newer(record_store, filters, pages[-1], size=2)
            assert ids_of_pages(newer) == expected, asdict(filters)
            assert ids(record_store.scan(filters, pictures=False)) == expected

    def test_a_deleted_record_leaves_its_visitors_list(self, record_store: RecordStore) -> None:
        records = append_records(record_store, 3, visitor="key:1")
        record_store.delete([records[1].id])
        assert all_ids(record_store, Filters(visitor="key:1")) == [records[0].id, records[2].id]

    def test_since_is_inclusive_and_until_exclusive(self, record_store: RecordStore) -> None:
        records = append_records(record_store, 3)
        filters = Filters(since=records[2].predicted_at, until=records[0].predicted_at)
        assert ids(record_store.scan(filters)) == ids(records[1:])
        assert ids(record_store.page(filters, size=9).records) == ids(records[1:])

    def test_days_before_and_after_all_records_are_empty(self, record_store: RecordStore) -> None:
        append_records(record_store, 1)
        for since, until in (
            (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)),
            (datetime(1900, 1, 1, tzinfo=UTC), datetime(1900, 1, 2, tzinfo=UTC)),
            (datetime(9999, 12, 30, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
            (NOON, NOON - timedelta(seconds=1)),
        ):
            filters = Filters(since=since, until=until)
            assert not record_store.page(filters, size=5).records
            assert not list(record_store.scan(filters))

    def test_filters_use_the_prediction_whatever_the_correction(
        self, record_store: RecordStore
    ) -> None:
        (record,) = append_records(record_store, 1, digit=7)
        record_store.correct(record.id, label="1", by="ada", at=datetime.now(UTC))
        assert record_store.page(Filters(digit=7), size=5).records
        assert not record_store.page(Filters(digit=1), size=5).records

    def test_model_versions_are_listed_once_newest_first(self, record_store: RecordStore) -> None:
        append_mixture(record_store)
        assert list(record_store.model_versions()) == [10, 2, 1]
