"""What every record store must do: one suite, run on each of them.

Use it by a subclass whose module (or conftest) has a fixture `record_store` that gives an
empty store, and that lets other threads see what this one has written:

    class TestMyStore(StoreSuite):
        pass
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from uuid import UUID, uuid4

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webui.records.factory import INK, NOON, make_record
from webui.records.models import Record, Verdict, instant_of
from webui.records.store import (
    Filters,
    Recorded,
    RecordNotFound,
    RecordStore,
)

SECOND = timedelta(seconds=1)
WRITTEN_ONCE = (
    "id", "predicted_at", "verdict", "digit", "confidence", "probabilities", "model_name",
    "model_version", "model_label", "latency_ms", "visitor",
)  # fmt: skip


def ids(records: list[Record]) -> list[UUID]:
    return [record.id for record in records]


def keep(store: RecordStore, count: int, **changed: object) -> list[Record]:
    """Records a second apart, newest first as they are returned."""
    made = [make_record(at=NOON + n * SECOND, **changed) for n in range(count)]
    for record in made:
        assert store.append(record) is Recorded.STORED
    return made[::-1]


def walk_older(store: RecordStore, filters: Filters, size: int) -> list[list[UUID]]:
    """All pages from the newest on."""
    page = store.page(filters, size=size)
    pages = [ids(list(page.records))]
    while page.older_than is not None:
        page = store.page(filters, size=size, older_than=page.older_than)
        pages.append(ids(list(page.records)))
    return pages


class StoreSuite:
    """Inherited by a test class for each store."""

    # --- one record ------------------------------------------------------------------------

    def test_gives_back_everything_it_was_given(self, record_store: RecordStore) -> None:
        record = make_record()
        assert record_store.append(record) is Recorded.STORED
        read = record_store.get(record.id)
        assert {name: getattr(read, name) for name in WRITTEN_ONCE} == {
            name: getattr(record, name) for name in WRITTEN_ONCE
        }
        assert (read.instance, read.picture) == (record.instance, record.picture)
        assert type(read.instance) is type(read.picture) is bytes
        assert read.ink == INK
        assert (read.corrected_label, read.corrected_at, read.corrected_by) == ("", None, "")

    def test_keeps_what_is_not_a_digit_and_has_no_ink(self, record_store: RecordStore) -> None:
        record = make_record(digit=None, ink=None, visitor="")
        record_store.append(record)
        read = record_store.get(record.id)
        assert (read.digit, read.verdict, read.ink, read.visitor) == (None, "not_a_digit", None, "")

    def test_keeps_a_ten_wide_answer_as_ten(self, record_store: RecordStore) -> None:
        record = make_record(probabilities=[0.1] * 10)
        record_store.append(record)
        assert record_store.get(record.id).probabilities == [0.1] * 10

    def test_keeps_the_longest_text_and_a_large_version(self, record_store: RecordStore) -> None:
        record = make_record(model_version=2**40, model_label="é" * 100, model_name="n" * 100)
        record_store.append(record)
        read = record_store.get(record.id)
        assert (read.model_version, read.model_label) == (2**40, "é" * 100)

    def test_derives_the_instant_from_the_id(self, record_store: RecordStore) -> None:
        record = make_record(at=datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
        record_store.append(record)
        assert record_store.get(record.id).predicted_at == instant_of(record.id)

    def test_appending_twice_is_appending_once(self, record_store: RecordStore) -> None:
        record = make_record()
        assert record_store.append(record) is Recorded.STORED
        assert record_store.append(record) is Recorded.STORED
        assert ids(list(record_store.scan(Filters()))) == [record.id]

    def test_appending_again_keeps_the_correction(self, record_store: RecordStore) -> None:
        record = make_record()
        record_store.append(record)
        record_store.correct(record.id, label="3", by="ada", at=datetime.now(UTC))
        record_store.append(record)
        assert record_store.get(record.id).corrected_label == "3"

    def test_does_not_know_a_record_that_was_never_kept(self, record_store: RecordStore) -> None:
        missing = make_record().id
        with pytest.raises(RecordNotFound, match=str(missing)):
            record_store.get(missing)

    def test_does_not_know_ids_of_another_kind(self, record_store: RecordStore) -> None:
        with pytest.raises(RecordNotFound):
            record_store.get(uuid4())

    # --- corrections -----------------------------------------------------------------------

    @pytest.mark.parametrize("label", [*"0123456789", "not_a_digit"])
    def test_notes_a_correction(self, record_store: RecordStore, label: str) -> None:
        record = make_record()
        record_store.append(record)
        at = datetime.now(UTC).replace(microsecond=123_000)  # Cassandra keeps milliseconds
        assert record_store.correct(record.id, label=label, by="ada", at=at) is Recorded.STORED
        read = record_store.get(record.id)
        assert (read.corrected_label, read.corrected_by) == (label, "ada")
        assert read.corrected_at == at
        assert (read.digit, read.picture) == (record.digit, record.picture)

    def test_the_later_correction_stands_and_can_be_taken_back(
        self, record_store: RecordStore
    ) -> None:
        record = make_record()
        record_store.append(record)
        now = datetime.now(UTC)
        record_store.correct(record.id, label="1", by="ada", at=now)
        record_store.correct(record.id, label="2", by="bob", at=now + SECOND)
        read = record_store.get(record.id)
        assert (read.corrected_label, read.corrected_by) == ("2", "bob")
        record_store.correct(record.id, label="", by="bob", at=now + 2 * SECOND)
        assert record_store.get(record.id).corrected_label == ""

    def test_shows_corrections_in_pages_and_scans(self, record_store: RecordStore) -> None:
        record = make_record()
        record_store.append(record)
        record_store.correct(record.id, label="4", by="ada", at=datetime.now(UTC))
        assert record_store.page(Filters(), size=5).records[0].corrected_label == "4"
        assert next(iter(record_store.scan(Filters()))).corrected_label == "4"

    def test_cannot_correct_what_is_not_there(self, record_store: RecordStore) -> None:
        gone = make_record()
        record_store.append(gone)
        record_store.delete([gone.id])
        for missing in (gone.id, make_record().id):
            with pytest.raises(RecordNotFound):
                record_store.correct(missing, label="1", by="ada", at=datetime.now(UTC))
            with pytest.raises(RecordNotFound):
                record_store.get(missing)

    # --- deletions -------------------------------------------------------------------------

    def test_deletes_some_and_leaves_the_others(self, record_store: RecordStore) -> None:
        newest, middle, oldest = keep(record_store, 3)
        missing = make_record().id
        assert record_store.delete([newest.id, oldest.id, missing]) is Recorded.STORED
        assert ids(list(record_store.scan(Filters()))) == [middle.id]
        for gone in (newest, oldest):
            with pytest.raises(RecordNotFound):
                record_store.get(gone.id)

    def test_deleting_again_or_nothing_is_no_error(self, record_store: RecordStore) -> None:
        (record,) = keep(record_store, 1)
        record_store.delete([record.id])
        record_store.delete([record.id, record.id])
        record_store.delete([])
        assert record_store.page(Filters(), size=3).records == ()

    # --- pages -----------------------------------------------------------------------------

    def test_an_empty_store_has_an_empty_page(self, record_store: RecordStore) -> None:
        page = record_store.page(Filters(), size=10)
        assert (tuple(page.records), page.older_than, page.newer_than) == ((), None, None)
        assert list(record_store.model_versions()) == []

    def test_a_page_has_instances_but_neither_pictures_nor_ink(
        self, record_store: RecordStore, django_assert_max_num_queries: object
    ) -> None:
        (record,) = keep(record_store, 1)
        (read,) = record_store.page(Filters(), size=10).records
        assert read.instance == record.instance
        assert type(read.instance) is bytes
        with django_assert_max_num_queries(0):  # type: ignore[operator]
            assert (read.picture, read.ink) == (b"", None)

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
    def test_pages_go_through_everything_once_newest_first(
        self, record_store: RecordStore, size: int
    ) -> None:
        kept = keep(record_store, 7)
        pages = walk_older(record_store, Filters(), size)
        assert [one for page in pages for one in page] == ids(kept)
        assert all(len(page) == size for page in pages[:-1])

    def test_pages_go_back_the_way_they_came(self, record_store: RecordStore) -> None:
        keep(record_store, 10)
        there = walk_older(record_store, Filters(), 3)
        page = record_store.page(Filters(), size=3, older_than=there[2][-1])
        assert page.older_than is None
        back = [ids(list(page.records))]
        while page.newer_than is not None:
            page = record_store.page(Filters(), size=3, newer_than=page.newer_than)
            back.append(ids(list(page.records)))
            assert page.older_than == back[-1][-1]
        assert back == there[::-1]

    def test_the_newest_page_has_nothing_newer(self, record_store: RecordStore) -> None:
        kept = keep(record_store, 4)
        first = record_store.page(Filters(), size=2)
        assert (first.newer_than, first.older_than) == (None, kept[1].id)
        last = record_store.page(Filters(), size=2, older_than=kept[1].id)
        assert (last.newer_than, last.older_than) == (kept[2].id, None)

    def test_a_cursor_outlives_its_record(self, record_store: RecordStore) -> None:
        kept = keep(record_store, 5)
        record_store.delete([kept[2].id])
        older = record_store.page(Filters(), size=5, older_than=kept[2].id)
        newer = record_store.page(Filters(), size=5, newer_than=kept[2].id)
        assert ids(list(older.records)) == ids(kept[3:])
        assert ids(list(newer.records)) == ids(kept[:2])

    def test_beyond_the_ends_are_empty_pages(self, record_store: RecordStore) -> None:
        kept = keep(record_store, 2)
        assert not record_store.page(Filters(), size=5, older_than=kept[-1].id).records
        assert not record_store.page(Filters(), size=5, newer_than=kept[0].id).records

    def test_a_page_has_one_cursor_at_most(self, record_store: RecordStore) -> None:
        with pytest.raises(ValueError, match="not both"):
            record_store.page(
                Filters(), size=1, older_than=make_record().id, newer_than=make_record().id
            )

    def test_records_of_the_same_microsecond_are_all_shown(self, record_store: RecordStore) -> None:
        made = [make_record(at=NOON) for _ in range(6)]
        for record in made:
            record_store.append(record)
        shown = [one for page in walk_older(record_store, Filters(), 2) for one in page]
        assert sorted(shown) == sorted(ids(made))
        assert ids(list(record_store.scan(Filters()))) == shown

    def test_records_of_far_apart_days_are_all_shown(self, record_store: RecordStore) -> None:
        days = (-800, -366, -31, -1, 0, 1, 40)
        made = [make_record(at=NOON + timedelta(days=day)) for day in days]
        for record in made:
            record_store.append(record)
        assert [one for page in walk_older(record_store, Filters(), 2) for one in page] == ids(
            made[::-1]
        )

    # --- filters ---------------------------------------------------------------------------

    def kept_mixture(self, store: RecordStore) -> list[Record]:
        """Every digit and verdict, three versions, over four days; newest first."""
        made = []
        kinds = [(d, Verdict.DIGIT) for d in range(10)]
        kinds += [(3, Verdict.UNSURE), (8, Verdict.UNSURE), (None, Verdict.NOT_A_DIGIT)]
        for number, ((digit, verdict), version) in enumerate(product(kinds, (1, 2, 10))):
            made.append(
                make_record(
                    at=NOON + number * timedelta(hours=2),
                    digit=digit,
                    verdict=verdict,
                    model_version=version,
                )
            )
        for record in made:
            store.append(record)
        return made[::-1]

    def test_every_combination_of_filters_shows_what_fits(self, record_store: RecordStore) -> None:
        kept = self.kept_mixture(record_store)
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
            expected = [record.id for record in kept if fits(record, filters)]
            pages = walk_older(record_store, filters, 4)
            assert [one for page in pages for one in page] == expected, asdict(filters)
            assert ids(list(record_store.scan(filters, pictures=False))) == expected

    def test_cursors_go_both_ways_within_filters(self, record_store: RecordStore) -> None:
        kept = self.kept_mixture(record_store)
        filters = Filters(digit=3)
        matching = [record.id for record in kept if record.digit == 3]
        assert len(matching) == 6
        page = record_store.page(filters, size=2, older_than=matching[1])
        assert ids(list(page.records)) == matching[2:4]
        assert (page.newer_than, page.older_than) == (matching[2], matching[3])
        page = record_store.page(filters, size=2, newer_than=matching[4])
        assert ids(list(page.records)) == matching[2:4]
        # A cursor need not itself match.
        stranger = next(record for record in kept[10:] if record.digit != 3)
        page = record_store.page(filters, size=50, older_than=stranger.id)
        assert ids(list(page.records)) == [
            record.id
            for record in kept
            if record.digit == 3 and record.predicted_at < stranger.predicted_at
        ]

    def test_since_is_inside_and_until_is_outside(self, record_store: RecordStore) -> None:
        kept = keep(record_store, 3)
        filters = Filters(since=kept[2].predicted_at, until=kept[0].predicted_at)
        assert ids(list(record_store.scan(filters))) == ids(kept[1:])
        assert ids(list(record_store.page(filters, size=9).records)) == ids(kept[1:])

    def test_days_before_all_records_and_after_them_are_empty(
        self, record_store: RecordStore
    ) -> None:
        keep(record_store, 1)
        for since, until in (
            (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)),
            (datetime(1900, 1, 1, tzinfo=UTC), datetime(1900, 1, 2, tzinfo=UTC)),
            (datetime(9999, 12, 30, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
            (NOON, NOON - SECOND),
        ):
            assert not record_store.page(Filters(since=since, until=until), size=5).records
            assert not list(record_store.scan(Filters(since=since, until=until)))

    def test_a_correction_does_not_move_a_record_among_the_filters(
        self, record_store: RecordStore
    ) -> None:
        (record,) = keep(record_store, 1, digit=7)
        record_store.correct(record.id, label="1", by="ada", at=datetime.now(UTC))
        assert record_store.page(Filters(digit=7), size=5).records
        assert not record_store.page(Filters(digit=1), size=5).records

    def test_names_each_model_version_once_newest_first(self, record_store: RecordStore) -> None:
        self.kept_mixture(record_store)
        assert list(record_store.model_versions()) == [10, 2, 1]

    # --- scans -----------------------------------------------------------------------------

    def test_a_scan_gives_whole_records(self, record_store: RecordStore) -> None:
        kept = keep(record_store, 3)
        for read, record in zip(record_store.scan(Filters()), kept, strict=True):
            assert (read.id, read.instance, read.picture, read.ink) == (
                record.id,
                record.instance,
                record.picture,
                INK,
            )

    def test_a_scan_without_pictures_still_has_instances(self, record_store: RecordStore) -> None:
        (record,) = keep(record_store, 1)
        (read,) = record_store.scan(Filters(), pictures=False)
        assert (read.instance, read.picture, read.ink) == (record.instance, b"", None)

    def test_a_scan_holds_still_while_records_arrive_and_go(
        self, record_store: RecordStore
    ) -> None:
        kept = keep(record_store, 450)
        seen: list[UUID] = []
        scan = record_store.scan(Filters(), pictures=False)
        seen += ids(list(islice(scan, 5)))
        record_store.append(make_record(at=NOON + timedelta(days=1)))
        record_store.delete([kept[2].id, kept[-1].id])
        seen += ids(list(scan))
        assert seen[:449] == ids(kept[:449])
        assert len(seen) == len(set(seen))
        assert set(seen) <= set(ids(kept))

    # --- many at once ----------------------------------------------------------------------

    def test_eight_threads_append_fifty_each(self, record_store: RecordStore) -> None:
        made = [[make_record() for _ in range(50)] for _ in range(8)]

        def append_all(records: list[Record]) -> list[Recorded]:
            try:
                return [record_store.append(record) for record in records]
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            answers = [one for some in pool.map(append_all, made) for one in some]
        assert answers == [Recorded.STORED] * 400
        expected = {record.id for some in made for record in some}
        shown = [one for page in walk_older(record_store, Filters(), 37) for one in page]
        assert len(shown) == 400
        assert set(shown) == expected

    def test_is_ready_and_has_nothing_waiting(self, record_store: RecordStore) -> None:
        record_store.check()
        assert record_store.pending() == 0
        assert list(record_store.scan(Filters())) == []

    # --- a property ------------------------------------------------------------------------

    @settings(
        max_examples=15,
        deadline=None,
        # One suite for two stores: its examples are run by the class of either, on purpose.
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
    def test_paging_is_slicing(
        self,
        record_store: RecordStore,
        offsets: list[int],
        digits: list[int | None],
        size: int,
        wanted: int | None,
    ) -> None:
        """Whatever is kept, pages are the slices of the sorted, filtered list."""
        made = [
            make_record(at=NOON + offset * timedelta(hours=7), digit=digit)
            for offset, digit in zip(offsets, digits, strict=False)
        ]
        try:
            for record in made:
                record_store.append(record)
            matching = [record for record in made if wanted is None or record.digit == wanted]
            pages = walk_older(record_store, Filters(digit=wanted), size)
            shown = [one for page in pages for one in page]
            assert sorted(shown) == sorted(ids(matching))
            instants = [instant_of(one) for one in shown]
            assert instants == sorted(instants, reverse=True)
            if matching:
                assert [len(page) for page in pages] == [
                    len(shown[start : start + size]) for start in range(0, len(shown), size)
                ]
        finally:
            record_store.delete(ids(made))


def fits(record: Record, filters: Filters) -> bool:
    return (
        (filters.digit is None or record.digit == filters.digit)
        and (filters.verdict is None or record.verdict == filters.verdict)
        and (filters.model_version is None or record.model_version == filters.model_version)
        and (filters.since is None or record.predicted_at >= filters.since)
        and (filters.until is None or record.predicted_at < filters.until)
    )
