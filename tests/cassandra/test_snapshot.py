"""The same records give the same snapshot in either store, and a spooled record is in it."""

from pathlib import Path

import pytest

from tests.webui.datasets.snapshot_files import contents, reviewed, snapshot
from tests.webui.records.factory import make_record
from webui.records.database_store import DatabaseStore
from webui.records_cassandra.store import CassandraStore

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_snapshot_is_the_same_in_either_store(store: CassandraStore, tmp_path: Path) -> None:
    records = [
        make_record(
            visitor=f"{writer:032x}", digit=digit, ink=[[[writer, digit / 3, 0], [1, 2, 3]]]
        )
        for writer in range(6)
        for digit in range(4)
    ]
    database = DatabaseStore()
    for record in records:
        store.append(record)
    for record in reversed(records):
        database.append(record)
    of_cassandra = snapshot(tmp_path / "cassandra", store, reviewed(records))
    of_database = snapshot(tmp_path / "database", database, reviewed(records[::-1]))
    assert of_cassandra == of_database
    assert contents(tmp_path / "cassandra") == contents(tmp_path / "database")
