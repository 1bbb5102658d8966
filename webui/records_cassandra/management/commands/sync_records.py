"""`python manage.py sync_records`: keyspace, tables and indexes, as often as you like."""

import dataclasses
import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webui.leases import Lease
from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import cassandra_of_site
from webui.records_cassandra.connection import Link
from webui.records_cassandra.models import Lease as LeaseRow
from webui.records_cassandra.schema import SCHEMA_SECONDS, make_schema

SAY_SECONDS = 5.0


class Command(BaseCommand):
    help = "Makes Cassandra's keyspace, tables and indexes; waits for one that is starting."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--wait",
            type=float,
            default=600.0,
            metavar="SECONDS",
            help="how long to wait for Cassandra (600)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        deadline = time.monotonic() + options["wait"]
        patient = dataclasses.replace(cassandra_of_site(), timeout=SCHEMA_SECONDS)
        link = Link(patient)
        # Two processes changing the schema at once can make one table twice.
        lease = Lease(LeaseRow, "sync_records", duration=timedelta(seconds=2 * SCHEMA_SECONDS))
        held = False
        said_at = time.monotonic()
        try:
            while True:
                try:
                    link.session()
                    held = lease.acquire()
                    if held:
                        make_schema(patient, link, say=self.stdout.write)
                        break
                    problem = "another process is making the tables"
                except StoreUnavailable as reason:
                    problem = str(reason)
                if time.monotonic() >= deadline:
                    raise CommandError(f"gave up after {options['wait']:.0f} s: {problem}")
                if time.monotonic() - said_at >= SAY_SECONDS:
                    said_at = time.monotonic()
                    left = deadline - said_at
                    self.stdout.write(f"waiting, {left:.0f} s left: {problem}")
                    self.stdout.flush()
                time.sleep(0.5)
        finally:
            if held:
                lease.release()
            link.close()
        self.stdout.write(f"keyspace {patient.keyspace} is complete")
