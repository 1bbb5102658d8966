"""Pages, next to a cursor."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webui.records.factory import NOON, append_records, make_record
from tests.webui.records.walking import all_ids, ids, ids_of_pages, walk_newer, walk_older
from webui.records.models import instant_of
from webui.records.store import Filters, RecordStore


class PageSuite:
    def test_an_empty_store_has_an_empty_page(self, record_store: RecordStore) -> None:
        page = record_store.page(Filters(), size=10)
        assert (tuple(page.records), page.older_than, page.newer_than) == ((), None, None)
        assert list(record_store.model_versions()) == []

    def test_a_page_has_instances_but_neither_pictures_nor_ink(
        self, record_store: RecordStore, django_assert_max_num_queries: object
    ) -> None:
        (record,) = append_records(record_store, 1)
        (read,) = record_store.page(Filters(), size=10).records
        assert read.instance == record.instance
        assert type(read.instance) is bytes
        with django_assert_max_num_queries(0):  # type: ignore[operator]
            assert (read.picture, read.ink) == (b"", None)

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
    def test_pages_hold_every_record_once_newest_first(
        self, record_store: RecordStore, size: int
    ) -> None:
        records = append_records(record_store, 7)
        pages = walk_older(record_store, Filters(), size=size)
        assert ids_of_pages(pages) == ids(records)
        assert all(len(page.records) == size for page in pages[:-1])

    def test_pages_are_the_same_in_both_directions(self, record_store: RecordStore) -> None:
        append_records(record_store, 10)
        older = walk_older(record_store, Filters(), size=3)
        assert older[-1].older_than is None
        newer = walk_newer(record_store, Filters(), older[-1], size=3)
        assert [ids(page.records) for page in newer] == [ids(page.records) for page in older]
        assert all(page.older_than == page.records[-1].id for page in newer[:-1])

    def test_the_newest_page_has_nothing_newer(self, record_store: RecordStore) -> None:
        records = append_records(record_store, 4)
        first = record_store.page(Filters(), size=2)
        assert (first.newer_than, first.older_than) == (None, records[1].id)
        last = record_store.page(Filters(), size=2, older_than=records[1].id)
        assert (last.newer_than, last.older_than) == (records[2].id, None)

    def test_the_record_of_a_cursor_may_be_deleted(self, record_store: RecordStore) -> None:
        records = append_records(record_store, 5)
        record_store.delete([records[2].id])
        older = record_store.page(Filters(), size=5, older_than=records[2].id)
        newer = record_store.page(Filters(), size=5, newer_than=records[2].id)
        assert ids(older.records) == ids(records[3:])
        assert ids(newer.records) == ids(records[:2])

    def test_pages_beyond_the_ends_are_empty(self, record_store: RecordStore) -> None:
        records = append_records(record_store, 2)
        assert not record_store.page(Filters(), size=5, older_than=records[-1].id).records
        assert not record_store.page(Filters(), size=5, newer_than=records[0].id).records

    def test_a_page_has_at_most_one_cursor(self, record_store: RecordStore) -> None:
        with pytest.raises(ValueError, match="not both"):
            record_store.page(
                Filters(), size=1, older_than=make_record().id, newer_than=make_record().id
            )

    def test_records_of_the_same_microsecond_are_all_shown(self, record_store: RecordStore) -> None:
        records = append_records(record_store, 6, apart=timedelta())
        shown = all_ids(record_store, size=2)
        assert sorted(shown) == sorted(ids(records))
        assert ids(record_store.scan(Filters())) == shown

    def test_records_of_distant_days_are_all_shown(self, record_store: RecordStore) -> None:
        days = (-800, -366, -31, -1, 0, 1, 40)
        records = [make_record(at=NOON + timedelta(days=day)) for day in days]
        for record in records:
            record_store.append(record)
        assert all_ids(record_store, size=2) == ids(records[::-1])

    @settings(
        max_examples=15,
        deadline=None,
        # Each store's test class runs the examples of this one suite.
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(
        offsets=st.lists(st.integers(0, 40), min_size=1, max_size=12),
        digits=st.lists(st.sampled_from([None, 0, 1]), min_size=12, max_size=12),
        size=st.integers(1, 5),
        wanted=st.sampled_from([None, 0, 1]),
    )
    def test_pages_are_slices_of_the_sorted_and_filtered_records(
        self,
        record_store: RecordStore,
        offsets: list[int],
        digits: list[int | None],
        size: int,
        wanted: int | None,
    ) -> None:
        records = [
            make_record(at=NOON + offset * timedelta(hours=7), digit=digit)
            for offset, digit in zip(offsets, digits, strict=False)
        ]
        try:
            for record in records:
                record_store.append(record)
            matching = [record for record in records if wanted is None or record.digit == wanted]
            pages = walk_older(record_store, Filters(digit=wanted), size=size)
            shown = ids_of_pages(pages)
            assert sorted(shown) == sorted(ids(matching))
            instants = [instant_of(one) for one in shown]
            assert instants == sorted(instants, reverse=True)
            if matching:
                assert [len(page.records) for page in pages] == [
                    len(shown[start : start + size]) for start in range(0, len(shown), size)
                ]
        finally:
            record_store.delete(ids(records))
