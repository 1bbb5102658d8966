"""Creates keyspace, tables and indexes; may be run again at any time.

django-cassandra-engine's own `sync_cassandra` creates no SAI indexes and forgets its
replication settings after its first run in a process. The tables come from the same models,
through the same cqlengine calls.
"""

import os
from collections.abc import Callable

from cassandra.cqlengine import management
from cassandra.cqlengine.models import Model
from django_cassandra_engine.models import DjangoCassandraModel

from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import ALIAS, CassandraSettings
from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.models import INDEXED_COLUMNS, TABLES

SCHEMA_SECONDS = 60.0  # a statement that changes the schema waits for every node to agree


def create_schema(
    settings: CassandraSettings, session: CassandraSession, *, report: Callable[[str], object]
) -> None:
    """Creates what is missing and leaves the rest as it is.

    Args:
        settings: name the keyspace and its replication.
        session: has a timeout of about SCHEMA_SECONDS.
        report: is called with a line for each thing that was created, and for an existing
            keyspace whose replication differs from the settings.

    Raises:
        StoreUnavailable
    """
    driver = session.connect()
    keyspace = settings.keyspace
    datacenter = settings.datacenter or session.translate_errors(
        lambda: driver.execute("SELECT data_center FROM system.local").one()["data_center"]
    )
    copies = str(settings.replication)
    os.environ.setdefault("CQLENG_ALLOW_SCHEMA_MANAGEMENT", "1")
    # cqlengine checks for its own class; django-cassandra-engine's models have another root.
    management.Model = (Model, DjangoCassandraModel)

    def create() -> None:
        existing = driver.cluster.metadata.keyspaces
        if keyspace in existing:
            exported = existing[keyspace].replication_strategy.export_for_schema()
            if f"'{datacenter}': '{copies}'" not in exported:
                report(
                    f"keyspace {keyspace} exists with {exported} and is left unchanged; to change "
                    f"it: ALTER KEYSPACE {keyspace} WITH replication = {{'class': "
                    f"'NetworkTopologyStrategy', '{datacenter}': {copies}}}; then "
                    "`nodetool repair` on every node"
                )
        else:
            management.create_keyspace_network_topology(
                keyspace, {datacenter: copies}, connections=[ALIAS]
            )
            report(f"created keyspace {keyspace}, {copies} copies in {datacenter}")
        for table in TABLES:
            name = table.column_family_name(include_keyspace=False)
            new = name not in driver.cluster.metadata.keyspaces[keyspace].tables
            management.sync_table(table, keyspaces=[keyspace], connections=[ALIAS])
            if new:
                report(f"created table {keyspace}.{name}")
        indexes = driver.cluster.metadata.keyspaces[keyspace].tables["record_data"].indexes
        for column in INDEXED_COLUMNS:
            index = f"record_data_by_{column}"
            driver.execute(
                f"CREATE INDEX IF NOT EXISTS {index} "
                f"ON {keyspace}.record_data ({column}) USING 'sai'"
            )
            if index not in indexes:
                report(f"created index {keyspace}.{index}")

    try:
        session.translate_errors(driver.cluster.refresh_schema_metadata)
        session.translate_errors(create)
    except KeyError as unseen:  # created, but not yet in the metadata that cqlengine reads
        raise StoreUnavailable(f"the nodes do not agree on the schema yet: {unseen}") from unseen
