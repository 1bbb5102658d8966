"""`python manage.py index_visitors`: writes index rows that earlier releases did not write."""

from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webui.records.store import StoreUnavailable
from webui.records_cassandra.store import CassandraStore

CONNECT_SECONDS = 20.0  # longer than for a page, since no visitor waits
BATCH = 1000  # records whose index rows are written at a time


class Command(BaseCommand):
    help = "Lists records of earlier releases among their visitors' own; can be run again."

    def handle(self, *args: Any, **options: Any) -> None:
        store = CassandraStore(background=False)
        indexed = 0
        try:
            store.session.connect(timeout=CONNECT_SECONDS)
            records = store.reader.scan_with_layouts()
            while batch := list(islice(records, BATCH)):
                store.writer.index_rows.ensure(batch)
                indexed += len(batch)
                self.stdout.write(
                    f"{indexed} records, down to {batch[-1][0].predicted_at:%Y-%m-%d}"
                )
        except StoreUnavailable as problem:
            raise CommandError(f"{indexed} records were indexed: {problem}") from problem
        finally:
            store.close()
        self.stdout.write(f"all {indexed} records are in the lists of their visitors")
