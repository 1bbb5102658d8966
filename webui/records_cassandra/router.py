"""A database router that keeps migrations off Cassandra, where `sync_records` makes the tables.

`migrate --database cassandra` is broken in django-cassandra-engine (its issue 150), and
Cassandra supports none of the operations of a migration.
"""

from typing import Any

from webui.records_cassandra.configuration import ALIAS


class CassandraRouter:
    """A router for DATABASE_ROUTERS; leaves other databases to the default."""

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        return False if db == ALIAS else None
