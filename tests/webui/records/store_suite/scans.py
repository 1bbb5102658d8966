"""Scans of all matching records."""

from datetime import timedelta
from itertools import islice

from tests.webui.records.factory import INK, NOON, append_records, make_record
from tests.webui.records.walking import ids
from webui.records.store import Filters, RecordStore


class ScanSuite:
    def test_a_scan_yields_whole_records(self, record_store: RecordStore) -> None:
        records = append_records(record_store, 3)
        for read, record in zip(record_store.scan(Filters()), records, strict=True):
            assert (read.id, read.instance, read.picture, read.ink) == (
                record.id,
                record.instance,
                record.picture,
                INK,
            )

    def test_a_scan_without_pictures_still_has_instances(self, record_store: RecordStore) -> None:
        (record,) = append_records(record_store, 1)
        (read,) = record_store.scan(Filters(), pictures=False)
        assert (read.instance, read.picture, read.ink) == (record.instance, b"", None)

    def test_insertions_and_deletions_meanwhile_shift_nothing(
        self, record_store: RecordStore
    ) -> None:
        records = append_records(record_store, 450)
        scan = record_store.scan(Filters(), pictures=False)
        seen = ids(islice(scan, 5))
        record_store.append(make_record(at=NOON + timedelta(days=1)))
        record_store.delete([records[2].id, records[-1].id])
        seen += ids(scan)
        assert seen[:449] == ids(records[:449])
        assert len(seen) == len(set(seen))
        assert set(seen) <= set(ids(records))
