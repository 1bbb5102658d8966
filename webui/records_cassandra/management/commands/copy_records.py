"""`python manage.py copy_records`: copies the records of the database store into Cassandra."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import COMMAND_CONNECT_SECONDS, cassandra_of_site
from webui.records_cassandra.copying import RecordCopy
from webui.records_cassandra.models import CopyProgress
from webui.records_cassandra.store import CassandraStore


class Command(BaseCommand):
    help = (
        "Copies the records of the default database into Cassandra, oldest first. "
        "It can be interrupted and run again: it resumes where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from-start",
            action="store_true",
            help="ignore the progress of earlier runs (records deleted in Cassandra come back "
            "if their deletion is more than ten days old)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        cassandra = cassandra_of_site()
        keyspace = cassandra.keyspace
        if options["from_start"]:
            CopyProgress.objects.filter(keyspace=keyspace).delete()
        store = CassandraStore(cassandra, background=False)
        copy = RecordCopy(store.writer, keyspace=keyspace, layout=cassandra.layout)
        before = copy.progress.copied
        copied = 0
        try:
            store.session.connect(timeout=COMMAND_CONNECT_SECONDS)
            with tqdm(
                total=copy.remaining(), unit="record", file=self.stderr, mininterval=1
            ) as bar:
                for count in copy.run():
                    copied += count
                    bar.update(count)
        except (StoreUnavailable, KeyboardInterrupt) as problem:
            raise CommandError(
                f"interrupted after {copied} records, run it again to resume"
                + (f": {problem}" if isinstance(problem, StoreUnavailable) else "")
            ) from problem
        finally:
            store.close()
        earlier = f" ({before} more by earlier runs)" if before else ""
        self.stdout.write(f"copied {copied} records into keyspace {keyspace}{earlier}")
