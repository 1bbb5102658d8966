"""Keeps Django's migrations off Cassandra, where `sync_records` makes the tables.

`migrate --database cassandra` is broken in django-cassandra-engine (its issue 150), and
nothing that a migration does can be done there.
"""

from typing import Any

from webui.records_cassandra.configuration import ALIAS


class CassandraRouter:
    """For DATABASE_ROUTERS; has no opinion on any other database."""

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        return False if db == ALIAS else None
