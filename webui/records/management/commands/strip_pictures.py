"""`python manage.py strip_pictures`: removes the metadata of pictures that were kept with it."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webui.database.maintenance import erase_deleted
from webui.records.store import StoreUnavailable, store
from webui.records.stripping import Stripped, strip_pictures

REPORT_EVERY = 1000  # records


def instant(text: str) -> datetime:
    """Parses an instant in ISO 8601; without an offset it is in UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is not an instant; it must be like 2026-03-01T12:00:00"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = (
        "Removes the metadata (EXIF with place and camera, XMP, comments, thumbnails) of pictures "
        "that were recorded before release 1.1, newest first. The pictures look the same. It can "
        "be interrupted and run again at any time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument(
            "--before",
            type=instant,
            metavar="INSTANT",
            help="only predictions before it: where an interrupted run stopped",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        counts = Stripped()
        try:
            for counts in strip_pictures(
                store(), before=options["before"], dry_run=options["dry_run"]
            ):
                if counts.read % REPORT_EVERY == 0:
                    self.stdout.write(_in_words(counts))
        except (StoreUnavailable, KeyboardInterrupt) as problem:
            raise CommandError(
                f"stopped ({problem or 'interrupted'}): {_in_words(counts)}; "
                + (f"go on with --before {counts.reached.isoformat()}" if counts.reached else "")
            ) from problem
        finally:
            if not options["dry_run"]:
                erase_deleted()  # SQLite's log holds the earlier pictures until now
        self.stdout.write(f"done: {_in_words(counts)}")
        if pending := store().pending():
            self.stdout.write(
                f"{pending} events are in the spool; run this again when they are in Cassandra"
            )


def _in_words(counts: Stripped) -> str:
    reached = f", down to {counts.reached.isoformat()}" if counts.reached else ""
    return (
        f"{counts.read} records read{reached}; {counts.rewritten} pictures had metadata "
        f"({counts.bytes:,} bytes), {counts.unreadable} cannot be read and are as they were"
    )
