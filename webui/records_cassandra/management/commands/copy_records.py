"""`python manage.py copy_records`: moves in with what the embedded store holds."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import cassandra_of_site
from webui.records_cassandra.connection import Link
from webui.records_cassandra.copying import Copy
from webui.records_cassandra.models import CopyProgress
from webui.records_cassandra.tables import Tables

PATIENCE_SECONDS = 20.0  # for the first connection; nobody waits for a page


class Command(BaseCommand):
    help = (
        "Copies the records of the default database into Cassandra, oldest first. "
        "Break it off whenever you like: run again, it goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from-start",
            action="store_true",
            help="forget how far an earlier run came (records deleted in Cassandra come back "
            "if their deletion is more than ten days old)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        cassandra = cassandra_of_site()
        keyspace = cassandra.keyspace
        if options["from_start"]:
            CopyProgress.objects.filter(keyspace=keyspace).delete()
        link = Link(cassandra)
        copy = Copy(Tables(link, cassandra), keyspace=keyspace)
        before = copy.progress.copied
        copied = 0
        try:
            link.session(wait=PATIENCE_SECONDS)
            with tqdm(total=copy.left(), unit="record", file=self.stderr, mininterval=1) as bar:
                for count in copy.run():
                    copied += count
                    bar.update(count)
        except StoreUnavailable as problem:
            raise CommandError(
                f"broken off after {copied} records, run it again to go on: {problem}"
            ) from problem
        except KeyboardInterrupt:
            raise CommandError(
                f"broken off after {copied} records; run it again to go on"
            ) from None
        finally:
            link.close()
        earlier = f" ({before} more by earlier runs)" if before else ""
        self.stdout.write(f"copied {copied} records into keyspace {keyspace}{earlier}")
