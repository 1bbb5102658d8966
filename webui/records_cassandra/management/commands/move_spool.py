"""`python manage.py move_spool`: what a running site does by itself, now and in full."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webui.records.store import StoreUnavailable
from webui.records_cassandra.store import CassandraStore

PATIENCE_SECONDS = 20.0  # for the first connection; nobody waits for a page


class Command(BaseCommand):
    help = "Moves what waits in the spool to Cassandra, oldest first, and says how much."

    def handle(self, *args: Any, **options: Any) -> None:
        store = CassandraStore(background=False)
        moved = 0
        try:
            store.link.session(wait=PATIENCE_SECONDS)
            for count in store.mover.move():
                moved += count
                self.stdout.write(f"{moved} moved, {store.waiting()} waiting")
        except StoreUnavailable as problem:
            raise CommandError(
                f"{moved} moved, {store.waiting()} still waiting: {problem}"
            ) from problem
        finally:
            store.close()
        waiting = store.spool.waiting()
        self.stdout.write(f"{moved} events moved; {waiting} waiting")
        if waiting:
            self.stdout.write("another process moves them, or Cassandra refused them (see the log)")
