"""`python manage.py prune_records`: deletes what is older than the retention allows."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from tqdm import tqdm

from webui.database.maintenance import erase_deleted
from webui.leases import LeaseLost
from webui.records.pruning import Pruned, PrunedElsewhere, expired, prune
from webui.records.retention import Retention


def positive(text: str) -> int:
    """Parses a number of records."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number of records; it must be 1 or more")
    return int(text)


class Command(BaseCommand):
    help = (
        "Deletes records older than RECORDS_TTL_DAYS, and pictures and ink older than "
        "PICTURES_TTL_DAYS, from the default database. A site that runs does this once an hour "
        "by itself. The command can be interrupted and run again at any time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only say how much would be deleted"
        )
        parser.add_argument(
            "--limit", type=positive, metavar="N", help="stop after N records (default: all)"
        )
        parser.add_argument(
            "--vacuum",
            action="store_true",
            help="afterwards give freed space back to the disk (SQLite; needs as much free space "
            "as the database has, and writers wait meanwhile)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        retention: Retention = settings.RETENTION
        try:
            if options["dry_run"]:
                self._report(expired(retention), retention, verb="would be")
                return
            self._report(self._prune(retention, options), retention, verb="were")
            if options["vacuum"]:
                with connection.cursor() as cursor:
                    cursor.execute("VACUUM")
                erase_deleted()  # the smaller database is in the log until now
        except (PrunedElsewhere, LeaseLost) as problem:
            raise CommandError(f"{problem}; run this again when it is done") from problem
        except DatabaseError as problem:
            raise CommandError(
                f"the database does not allow it now: {problem}; what was deleted stays deleted, "
                "and running this again goes on from there"
            ) from problem

    def _prune(self, retention: Retention, options: dict[str, Any]) -> Pruned:
        # On a terminal only.
        disable = None if options["verbosity"] else True
        with tqdm(unit=" records", disable=disable, leave=False) as bar:
            return prune(
                retention,
                limit=options["limit"],
                progress=lambda batch: bar.update(batch.records + batch.pictures),
            )

    def _report(self, pruned: Pruned, retention: Retention, *, verb: str) -> None:
        self.stdout.write(
            f"{pruned.records} records {verb} deleted ({_rule('RECORDS', retention.records)}), "
            f"pictures of {pruned.pictures} others {verb} deleted "
            f"({_rule('PICTURES', retention.pictures)})"
        )
        if settings.CASSANDRA:
            self.stdout.write("Cassandra deletes its own rows, by their time to live")


def _rule(what: str, age: timedelta | None) -> str:
    return f"{what}_TTL_DAYS is " + ("not set" if age is None else str(age.days))
