"""Makes keyspace, tables and indexes, as often as it is asked to.

django-cassandra-engine's own `sync_cassandra` makes no SAI indexes and forgets its
replication settings after its first run in a process; the tables come from the same models
through the same cqlengine calls here.
"""

import os
from collections.abc import Callable, Mapping

from cassandra.cqlengine import management
from cassandra.cqlengine.models import Model
from django_cassandra_engine.models import DjangoCassandraModel

from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import ALIAS, CassandraSettings
from webui.records_cassandra.connection import Link
from webui.records_cassandra.models import INDEXED_COLUMNS, TABLES

SCHEMA_SECONDS = 60.0  # a statement that changes the schema waits for every node to agree


def make_schema(settings: CassandraSettings, link: Link, *, say: Callable[[str], object]) -> None:
    """Makes what is missing and leaves the rest as it is.

    Args:
        settings: of the keyspace.
        link: with a timeout of about SCHEMA_SECONDS.
        say: takes a line about each thing that was made, or that is not as the settings say.

    Raises:
        StoreUnavailable
    """
    session = link.session()
    keyspace = settings.keyspace
    datacenter = settings.datacenter or link.guarded(
        lambda: session.execute("SELECT data_center FROM system.local").one()["data_center"]
    )
    wanted = {datacenter: str(settings.replication)}
    os.environ.setdefault("CQLENG_ALLOW_SCHEMA_MANAGEMENT", "1")
    # cqlengine checks for its own class; django-cassandra-engine's has another root.
    management.Model = (Model, DjangoCassandraModel)

    def make() -> None:
        known = session.cluster.metadata.keyspaces
        if keyspace in known:
            _compare(
                known[keyspace].replication_strategy.export_for_schema(), wanted, settings, say
            )
        else:
            management.create_keyspace_network_topology(keyspace, wanted, connections=[ALIAS])
            say(f"made keyspace {keyspace}, {settings.replication} copies in {datacenter}")
        for table in TABLES:
            name = table.column_family_name(include_keyspace=False)
            new = name not in session.cluster.metadata.keyspaces[keyspace].tables
            management.sync_table(table, keyspaces=[keyspace], connections=[ALIAS])
            if new:
                say(f"made table {keyspace}.{name}")
        there = session.cluster.metadata.keyspaces[keyspace].tables["record_data"].indexes
        for column in INDEXED_COLUMNS:
            index = f"record_data_by_{column}"
            session.execute(
                f"CREATE INDEX IF NOT EXISTS {index} "
                f"ON {keyspace}.record_data ({column}) USING 'sai'"
            )
            if index not in there:
                say(f"made index {keyspace}.{index}")

    try:
        link.guarded(session.cluster.refresh_schema_metadata)
        link.guarded(make)
    except KeyError as unseen:  # made, but cqlengine finds no trace of it
        raise StoreUnavailable(f"the nodes do not agree on the schema yet: {unseen}") from unseen


def _compare(
    exported: str,
    wanted: Mapping[str, str],
    settings: CassandraSettings,
    say: Callable[[str], object],
) -> None:
    """Says where an existing keyspace's replication is not what the settings ask for."""
    if all(f"'{datacenter}': '{copies}'" in exported for datacenter, copies in wanted.items()):
        return
    asked = ", ".join(f"'{datacenter}': {copies}" for datacenter, copies in wanted.items())
    say(
        f"keyspace {settings.keyspace} is there with {exported}, which is left as it is; to "
        f"change it: ALTER KEYSPACE {settings.keyspace} WITH replication = "
        f"{{'class': 'NetworkTopologyStrategy', {asked}}}; then `nodetool repair` on every node"
    )
