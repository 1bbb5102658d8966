"""Django's `migrate`, which several machines may run at the same time on one PostgreSQL."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

LOCK = 0x64696769_7473  # "digits" in ASCII; one lock for all migrations


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":  # SQLite is on one machine, and locks its file
            super().handle(*args, **options)
            return
        with connection.cursor() as cursor:
            # Without the bound of other locks: another machine's migrations may take minutes.
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            cursor.execute("RESET lock_timeout")
        try:
            super().handle(*args, **options)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
