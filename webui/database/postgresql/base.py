"""The database backend; Django imports it by the name of this module."""

import functools
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """Connections to PostgreSQL that wait for an answer no longer than they are told.

    A server that is frozen, or whose packets are lost, does not end a query, and libpq waits for
    it without end.

    Attributes:
        answer_seconds: the longest wait for an answer; None: no limit, as for a migration.
    """

    answer_seconds: float | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.wait = functools.partial(self._wait, connection, connection.wait)
        return connection

    def _wait(
        self, connection: Any, wait: Any, generator: Any, *arguments: Any, **options: Any
    ) -> Any:
        if self.answer_seconds is not None:
            options.setdefault("timeout", self.answer_seconds)
        try:
            return wait(generator, *arguments, **options)
        except psycopg.OperationalError:
            if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
                # An answer that came later would be taken for that of the next query.
                connection.pgconn.finish()
            raise
