"""The suite of every record store, on a real Cassandra."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.webui.records.store_suite import StoreSuite
from webui.records_cassandra.store import CassandraStore
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.bucket_width import BucketWidth

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def record_store(store: CassandraStore) -> CassandraStore:
    return store


class TestCassandraStore(StoreSuite):
    pass


class TestCassandraStoreWithShards(StoreSuite):
    @pytest.fixture
    def record_store(self, store: CassandraStore) -> Iterator[CassandraStore]:
        layout = BucketLayout(BucketWidth.HOUR, shards=4)
        sharded = CassandraStore(replace(store.settings, layout=layout), background=False)
        yield sharded
        sharded.close()
