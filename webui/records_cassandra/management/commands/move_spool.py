"""`python manage.py move_spool`: replays the spool now, as a running site does by itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webui.records.store import StoreUnavailable
from webui.records_cassandra.store import CassandraStore

CONNECT_SECONDS = 20.0  # longer than for a page, since no visitor waits


class Command(BaseCommand):
    help = "Moves the events in the spool to Cassandra, oldest first, and prints how many."

    def handle(self, *args: Any, **options: Any) -> None:
        store = CassandraStore(background=False)
        moved = 0
        try:
            store.session.connect(timeout=CONNECT_SECONDS)
            for count in store.worker.replay():
                moved += count
                self.stdout.write(f"{moved} moved, {store.pending()} waiting")
        except StoreUnavailable as problem:
            raise CommandError(
                f"{moved} moved, {store.pending()} still waiting: {problem}"
            ) from problem
        finally:
            store.close()
        pending = store.spool.pending()
        self.stdout.write(f"{moved} events moved; {pending} waiting")
        if pending:
            self.stdout.write("another process moves them, or Cassandra refused them (see the log)")
