"""The admin on a store that is not the default database."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from tests.webui.records.admin.browsing import LIST, get, messages_of, page_of, shown
from tests.webui.records.factory import make_record
from webui.records.models import Record
from webui.records.store import (
    Filters,
    Page,
    Recorded,
    RecordNotFound,
    RecordStore,
    StoreUnavailable,
    store,
)


class MemoryStore:
    """A store without a table, to show that the admin uses nothing but the store."""

    def __init__(self) -> None:
        self.records: dict[UUID, Record] = {}
        self.unavailable = False
        self.spooled = 0

    def _refuse_if_unavailable(self) -> None:
        if self.unavailable:
            raise StoreUnavailable("no host of 10.0.0.1, 10.0.0.2 answers")

    def append(self, record: Record) -> Recorded:
        self.records[record.id] = record
        return Recorded.STORED

    def get(self, record_id: UUID) -> Record:
        self._refuse_if_unavailable()
        if record_id not in self.records:
            raise RecordNotFound(record_id)
        return self.records[record_id]

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> Recorded:
        self._refuse_if_unavailable()
        record = self.get(record_id)
        record.corrected_label, record.corrected_by, record.corrected_at = label, by, at
        return Recorded.SPOOLED

    def replace_picture(self, record: Record) -> None:
        self._refuse_if_unavailable()
        self.get(record.id).picture = record.picture

    def delete(self, record_ids: Sequence[UUID]) -> Recorded:
        self._refuse_if_unavailable()
        for record_id in record_ids:
            self.records.pop(record_id, None)
        return Recorded.SPOOLED

    def page(
        self,
        filters: Filters,
        *,
        size: int,
        older_than: UUID | None = None,
        newer_than: UUID | None = None,
    ) -> Page:
        self._refuse_if_unavailable()
        newest = sorted(self.records.values(), key=lambda record: record.predicted_at)[::-1]
        return Page(records=newest[:size])

    def scan(self, filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        self._refuse_if_unavailable()
        return iter(self.records.values())

    def model_versions(self) -> list[int]:
        self._refuse_if_unavailable()
        return [2]

    def pending(self) -> int:
        return self.spooled

    def pending_of(self, visitor: str) -> list[UUID]:
        return []

    def check(self) -> None:
        self._refuse_if_unavailable()


@pytest.fixture
def other_store(settings: object) -> Iterator[MemoryStore]:
    """A store that replaces the database store, whose table is renamed meanwhile."""
    store_in_memory = MemoryStore()
    settings.RECORD_STORE = f"{__name__}.shared_store"  # type: ignore[attr-defined]
    SHARED[:] = [store_in_memory]
    store.cache_clear()
    with connection.schema_editor() as editor:
        editor.alter_db_table(Record, "record_data", "record_data_hidden")
    yield store_in_memory
    with connection.schema_editor() as editor:
        editor.alter_db_table(Record, "record_data_hidden", "record_data")
    store.cache_clear()


SHARED: list[MemoryStore] = []


def shared_store() -> RecordStore:
    """The factory that `RECORD_STORE` names in these tests."""
    return SHARED[0]


@pytest.mark.django_db(transaction=True)
class TestOtherStore:
    def test_every_page_comes_from_the_store(
        self, other_store: MemoryStore, editor: Client
    ) -> None:
        record, other = make_record(), make_record()
        other_store.append(record)
        other_store.append(other)
        assert sorted(shown(get(editor, LIST))) == sorted([record.id, other.id])
        for view in ("change", "history", "delete", "picture"):
            assert editor.get(page_of(record, view)).status_code == 200
        response = editor.post(page_of(record), {"corrected_label": "3"}, follow=True)
        messages = messages_of(response.content.decode())
        assert "was changed successfully" in messages
        assert "Cassandra is unavailable: this change is in the spool" in messages
        assert other_store.get(record.id).corrected_label == "3"
        editor.post(page_of(record, "delete"), {"post": "yes"})
        chosen = {"action": "delete_selected", "_selected_action": [str(other.id)]}
        assert "Are you sure" in editor.post(LIST, chosen).content.decode()
        editor.post(LIST, {**chosen, "post": "yes"})
        assert other_store.records == {}

    def test_the_list_shows_the_number_of_pending_events(
        self, other_store: MemoryStore, editor: Client
    ) -> None:
        assert "in the spool" not in get(editor, LIST)
        other_store.spooled = 1
        assert "1 event is pending in the spool until Cassandra is back" in get(editor, LIST)
        other_store.spooled = 12
        assert "12 events are pending in the spool" in get(editor, LIST)

    @pytest.mark.parametrize("view", ["list", "change", "history", "delete", "picture", "search"])
    def test_an_unavailable_store_is_explained(
        self, other_store: MemoryStore, editor: Client, view: str
    ) -> None:
        record = make_record()
        other_store.append(record)
        other_store.unavailable, other_store.spooled = True, 3
        path = {"list": LIST, "search": f"{LIST}?q={record.id}"}.get(view) or page_of(record, view)
        response = editor.get(path)
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        page = response.content.decode()
        assert "Records cannot be read just now" in page
        assert "3 events are pending in the spool" in page
        assert f'href="{path}"' in page  # try again
        assert "10.0.0.1" not in page  # such details are for the log

    def test_a_failure_is_not_logged_as_done(
        self, other_store: MemoryStore, editor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = make_record()
        other_store.append(record)

        def refuse(*_: object, **__: object) -> None:
            raise StoreUnavailable("down")

        monkeypatch.setattr(other_store, "delete", refuse)
        monkeypatch.setattr(other_store, "correct", refuse)
        chosen = {"action": "delete_selected", "_selected_action": [str(record.id)], "post": "y"}
        for path, sent in (
            (LIST, chosen),
            (page_of(record, "delete"), {"post": "yes"}),
            (page_of(record), {"corrected_label": "3"}),
        ):
            assert editor.post(path, sent).status_code == 503
        assert not LogEntry.objects.exists()

    def test_a_record_deleted_meanwhile_is_reported(
        self, other_store: MemoryStore, editor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = make_record()
        other_store.append(record)

        def gone(*_: object, **__: object) -> None:
            raise RecordNotFound(record.id)

        monkeypatch.setattr(other_store, "correct", gone)
        response = editor.post(page_of(record), {"corrected_label": "3"}, follow=True)
        assert "Perhaps it was deleted?" in messages_of(response.content.decode())
