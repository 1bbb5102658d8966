"""The suite of every record store, on a real Cassandra."""

import pytest

from tests.webui.records.store_suite import StoreSuite
from webui.records_cassandra.store import CassandraStore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def record_store(store: CassandraStore) -> CassandraStore:
    return store


class TestCassandraStore(StoreSuite):
    pass
