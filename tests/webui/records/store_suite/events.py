"""Appending, reading, correcting and deleting single records."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connections

from tests.webui.records.factory import INK, append_records, make_record
from tests.webui.records.walking import all_ids, ids
from webui.privacy.services import delete_everything
from webui.records.models import Record, instant_of
from webui.records.store import Filters, Recorded, RecordNotFound, RecordStore
from webui.wall.selectors import SHOWN, latest

SECOND = timedelta(seconds=1)
WRITTEN_ONCE = (
    "id", "predicted_at", "verdict", "digit", "confidence", "probabilities", "model_name",
    "model_version", "model_label", "latency_ms", "visitor",
)  # fmt: skip


class EventSuite:
    # --- one record ------------------------------------------------------------------------

    def test_a_record_is_read_as_it_was_written(self, record_store: RecordStore) -> None:
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

    def test_a_picture_is_replaced_and_nothing_else(self, record_store: RecordStore) -> None:
        record = make_record()
        record_store.append(record)
        (read,) = record_store.scan(Filters())
        read.picture = b"another picture"
        record_store.replace_picture(read)
        record_store.append(record)  # as a replay of the spool may do, later
        again = record_store.get(record.id)
        assert (again.picture, again.ink, again.instance) == (
            b"another picture",
            INK,
            record.instance,
        )

    def test_a_deleted_record_stays_deleted_when_its_picture_is_replaced(
        self, record_store: RecordStore
    ) -> None:
        record = make_record()
        record_store.append(record)
        (read,) = record_store.scan(Filters())
        record_store.delete([record.id])
        with suppress(RecordNotFound):
            record_store.replace_picture(read)
        assert list(record_store.scan(Filters())) == []
        with pytest.raises(RecordNotFound):
            record_store.get(record.id)

    def test_a_record_without_digit_ink_and_visitor(self, record_store: RecordStore) -> None:
        record = make_record(digit=None, ink=None, visitor="")
        record_store.append(record)
        read = record_store.get(record.id)
        assert (read.digit, read.verdict, read.ink, read.visitor) == (None, "not_a_digit", None, "")

    def test_ten_probabilities_stay_ten(self, record_store: RecordStore) -> None:
        record = make_record(probabilities=[0.1] * 10)
        record_store.append(record)
        assert record_store.get(record.id).probabilities == [0.1] * 10

    def test_the_longest_text_and_a_large_version(self, record_store: RecordStore) -> None:
        record = make_record(model_version=2**40, model_label="é" * 100, model_name="n" * 100)
        record_store.append(record)
        read = record_store.get(record.id)
        assert (read.model_version, read.model_label) == (2**40, "é" * 100)

    def test_the_instant_follows_from_the_id(self, record_store: RecordStore) -> None:
        record = make_record(at=datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
        record_store.append(record)
        assert record_store.get(record.id).predicted_at == instant_of(record.id)

    def test_appending_twice_is_appending_once(self, record_store: RecordStore) -> None:
        record = make_record()
        assert record_store.append(record) is Recorded.STORED
        assert record_store.append(record) is Recorded.STORED
        assert ids(record_store.scan(Filters())) == [record.id]

    def test_appending_again_keeps_the_correction(self, record_store: RecordStore) -> None:
        record = make_record()
        record_store.append(record)
        record_store.correct(record.id, label="3", by="ada", at=datetime.now(UTC))
        record_store.append(record)
        assert record_store.get(record.id).corrected_label == "3"

    def test_a_missing_record_is_not_found(self, record_store: RecordStore) -> None:
        missing = make_record().id
        with pytest.raises(RecordNotFound, match=str(missing)):
            record_store.get(missing)

    def test_an_id_of_another_version_is_not_found(self, record_store: RecordStore) -> None:
        with pytest.raises(RecordNotFound):
            record_store.get(uuid4())

    def test_eight_threads_append_fifty_records_each(self, record_store: RecordStore) -> None:
        records = [[make_record() for _ in range(50)] for _ in range(8)]

        def append_all(some: list[Record]) -> list[Recorded]:
            try:
                return [record_store.append(record) for record in some]
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as threads:
            results = [one for some in threads.map(append_all, records) for one in some]
        assert results == [Recorded.STORED] * 400
        shown = all_ids(record_store, size=37)
        assert len(shown) == 400
        assert set(shown) == {record.id for some in records for record in some}

    def test_an_empty_store_is_ready_and_has_nothing_pending(
        self, record_store: RecordStore
    ) -> None:
        record_store.check()
        assert record_store.pending() == 0
        assert list(record_store.scan(Filters())) == []

    # --- corrections -----------------------------------------------------------------------

    @pytest.mark.parametrize("label", [*"0123456789", "not_a_digit"])
    def test_a_correction_is_stored(self, record_store: RecordStore, label: str) -> None:
        record = make_record()
        record_store.append(record)
        at = datetime.now(UTC).replace(microsecond=123_000)  # Cassandra keeps milliseconds
        assert record_store.correct(record.id, label=label, by="ada", at=at) is Recorded.STORED
        read = record_store.get(record.id)
        assert (read.corrected_label, read.corrected_by) == (label, "ada")
        assert read.corrected_at == at
        assert (read.digit, read.picture) == (record.digit, record.picture)

    def test_the_later_correction_wins_and_can_be_withdrawn(
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

    def test_pages_and_scans_show_corrections(self, record_store: RecordStore) -> None:
        record = make_record()
        record_store.append(record)
        record_store.correct(record.id, label="4", by="ada", at=datetime.now(UTC))
        assert record_store.page(Filters(), size=5).records[0].corrected_label == "4"
        assert next(iter(record_store.scan(Filters()))).corrected_label == "4"

    def test_a_missing_record_cannot_be_corrected(self, record_store: RecordStore) -> None:
        deleted = make_record()
        record_store.append(deleted)
        record_store.delete([deleted.id])
        for missing in (deleted.id, make_record().id):
            with pytest.raises(RecordNotFound):
                record_store.correct(missing, label="1", by="ada", at=datetime.now(UTC))
            with pytest.raises(RecordNotFound):
                record_store.get(missing)
        assert record_store.page(Filters(), size=5).records == ()

    # --- deletions -------------------------------------------------------------------------

    def test_a_deletion_leaves_the_other_records(self, record_store: RecordStore) -> None:
        newest, middle, oldest = append_records(record_store, 3)
        missing = make_record().id
        assert record_store.delete([newest.id, oldest.id, missing]) is Recorded.STORED
        assert ids(record_store.scan(Filters())) == [middle.id]
        for deleted in (newest, oldest):
            with pytest.raises(RecordNotFound):
                record_store.get(deleted.id)

    def test_deleting_again_or_nothing_is_not_an_error(self, record_store: RecordStore) -> None:
        (record,) = append_records(record_store, 1)
        record_store.delete([record.id])
        record_store.delete([record.id, record.id])
        record_store.delete([])
        assert record_store.page(Filters(), size=3).records == ()

    def test_everything_of_one_visitor_is_deleted(
        self, record_store: RecordStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("webui.privacy.services.store", lambda: record_store)
        monkeypatch.setattr("webui.privacy.services.BATCH", 4)
        append_records(record_store, 11, visitor="a" * 32)
        others = append_records(record_store, 2, visitor="b" * 32)
        assert record_store.pending_of("a" * 32) == ()
        assert delete_everything("a" * 32) == 11
        assert set(ids(record_store.scan(Filters()))) == {record.id for record in others}
        assert delete_everything("a" * 32) == 0

    def test_the_wall_shows_the_newest_and_drops_what_is_deleted(
        self, record_store: RecordStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("webui.wall.selectors.store", lambda: record_store)
        latest.cache_clear()
        records = append_records(record_store, SHOWN + 1)
        before = [shown.key for shown in latest().get()]
        assert len(before) == SHOWN
        newest = max(records, key=lambda record: record.id.time)
        record_store.delete([newest.id])
        after = [shown.key for shown in latest().get()]
        assert after[:-1] == before[1:]
        latest.cache_clear()
