from datetime import UTC, datetime, timedelta
import pytest
from tests.cassandra.records import make_record
from webui.records.models import Record
from webui.records.store import Filters, Recorded, RecordNotFound


def test_round_trip(store):
    record = make_record()
    assert store.append(record) is Recorded.STORED
    read = store.get(record.id)
    for field in Record._meta.get_fields():
        assert getattr(read, field.name) == getattr(record, field.name), field.name


def test_pages(store):
    base = datetime(2026, 11, 1, 12, tzinfo=UTC)
    records = [
        make_record(at=base + timedelta(minutes=7 * i), digit=i % 10, model_version=1 + i % 3)
        for i in range(100)
    ]
    for r in records:
        store.append(r)
    for filters, wanted in [
        (Filters(), records),
        (Filters(digit=3), records[3::10]),
        (Filters(model_version=2), records[1::3]),
        (
            Filters(digit=3, model_version=1),
            [r for r in records if r.digit == 3 and r.model_version == 1],
        ),
        (Filters(verdict="unsure"), []),
    ]:
        wanted = [r.id for r in reversed(wanted)]
        seen = []
        cursor = None
        pages = 0
        while True:
            page = store.page(filters, size=7, older_than=cursor)
            seen += [r.id for r in page.records]
            last = page
            if page.older_than is None:
                break
            cursor = page.older_than
        assert seen == wanted
        assert [r.id for r in store.scan(filters)] == wanted
        back = [r.id for r in last.records]
        while last.newer_than:
            last = store.page(filters, size=7, newer_than=last.newer_than)
            back = [r.id for r in last.records] + back
        assert back == wanted
