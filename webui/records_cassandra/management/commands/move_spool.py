"""`python manage.py move_spool`: replays the spool now, as a running site does by itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import COMMAND_CONNECT_SECONDS
from webui.records_cassandra.store import CassandraStore


class Command(BaseCommand):
    help = "Replays the events in the spool into Cassandra, oldest first, and prints how many."

    def handle(self, *args: Any, **options: Any) -> None:
        store = CassandraStore(background=False)
        replayed = 0
        try:
            store.session.connect(timeout=COMMAND_CONNECT_SECONDS)
            for count in store.worker.replay():
                replayed += count
                self.stdout.write(f"{replayed} replayed, {store.pending()} pending")
        except StoreUnavailable as problem:
            raise CommandError(
                f"{replayed} replayed, {store.pending()} still pending: {problem}"
            ) from problem
        finally:
            store.close()
        pending = store.spool.pending()
        self.stdout.write(f"{replayed} events replayed; {pending} pending")
        if pending:
            self.stdout.write(
                "another process replays them, or Cassandra refused them (see the log)"
            )
