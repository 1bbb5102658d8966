"""`python manage.py sync_records`: creates keyspace, tables and indexes; can be run again."""

import dataclasses
import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webui.leases import Lease
from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import cassandra_of_site
from webui.records_cassandra.cql.schema import SCHEMA_SECONDS, create_schema
from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.models import Lease as LeaseRow

REPORT_SECONDS = 5.0  # between lines about the wait


class Command(BaseCommand):
    help = "Creates Cassandra's keyspace, tables and indexes; waits for a node that is starting."

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
        settings = dataclasses.replace(cassandra_of_site(), timeout=SCHEMA_SECONDS)
        session = CassandraSession(settings)
        # Two processes that change the schema at once can create one table twice.
        lease = Lease(LeaseRow, "sync_records", duration=timedelta(seconds=2 * SCHEMA_SECONDS))
        held = False
        reported_at = time.monotonic()
        try:
            while True:
                try:
                    session.connect()
                    held = lease.acquire()
                    if held:
                        create_schema(settings, session, report=self.stdout.write)
                        break
                    problem = "another process is creating the tables"
                except StoreUnavailable as reason:
                    problem = str(reason)
                now = time.monotonic()
                if now >= deadline:
                    raise CommandError(f"gave up after {options['wait']:.0f} s: {problem}")
                if now - reported_at >= REPORT_SECONDS:
                    reported_at = now
                    self.stdout.write(f"waiting, {deadline - now:.0f} s left: {problem}")
                    self.stdout.flush()
                time.sleep(0.5)
        finally:
            if held:
                lease.release()
            session.close()
        self.stdout.write(f"keyspace {settings.keyspace} is complete")
