"""`python manage.py export_records`: exports records to files, from either store."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from webui.records.exports import ExportRefused, Labels, write_idx, write_json_lines
from webui.records.models import Record, Verdict
from webui.records.store import Filters, StoreUnavailable, store


def day(text: str) -> datetime:
    """Parses a day and returns its first instant, UTC."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day; a day is like 2026-03-14") from None


SAID = "said"  # the name of Labels.PREDICTED in earlier releases


class Command(BaseCommand):
    help = (
        "Writes records with their pictures as JSON lines, or as a folder of MNIST's IDX files. "
        "The label is the correction if there is one, else the prediction; an unsure record "
        "without a correction has none (IDX skips it). IDX writes 10 for not a digit."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["jsonl", "idx"], required=True)
        parser.add_argument(
            "--output",
            type=Path,
            required=True,
            metavar="PATH",
            help="jsonl: a file (.gz compresses it); idx: a folder, which is created",
        )
        parser.add_argument("--since", type=day, metavar="DAY", help="first day (UTC)")
        parser.add_argument("--until", type=day, metavar="DAY", help="last day (UTC), included")
        parser.add_argument("--digit", type=int, choices=range(10), metavar="0..9")
        parser.add_argument("--verdict", choices=Verdict.values)
        parser.add_argument("--model-version", type=int, metavar="N")
        parser.add_argument(
            "--corrected-only", action="store_true", help="only records with a correction"
        )
        parser.add_argument(
            "--labels",
            choices=[*(labels.value for labels in Labels), SAID],
            default=Labels.CORRECTED.value,
            help="corrected: the correction, else the prediction (default); predicted: always "
            "the prediction (earlier releases: said)",
        )
        parser.add_argument("--force", action="store_true", help="replace what is at PATH")

    def handle(self, *_: Any, **options: Any) -> None:
        output: Path = options["output"]
        filters = filters_of(options)
        labels = Labels.PREDICTED if options["labels"] == SAID else Labels(options["labels"])
        records = store().scan(filters, pictures=options["format"] == "jsonl")
        chosen = corrected_only(records) if options["corrected_only"] else records
        # On a terminal only. No total: stores do not count records.
        progress = tqdm(
            chosen, unit=" records", disable=None if options["verbosity"] else True, leave=False
        )
        write = write_json_lines if options["format"] == "jsonl" else write_idx
        try:
            with progress:
                done = write(progress, output, labels=labels, force=options["force"])
        except (ExportRefused, StoreUnavailable, OSError) as problem:
            raise CommandError(f"nothing was exported: {problem}") from problem
        if options["verbosity"]:
            skipped = (
                f"; {done.skipped} skipped, which have no label or no instance"
                if done.skipped
                else ""
            )
            self.stdout.write(f"{done.written} records written to {output}{skipped}")


def filters_of(options: dict[str, Any]) -> Filters:
    """Returns the filters of the command line.

    Raises:
        CommandError: the days are in the wrong order.
    """
    since: datetime | None = options["since"]
    until: datetime | None = options["until"]
    if since is not None and until is not None and until < since:
        raise CommandError(
            f"--until {until:%Y-%m-%d} is before --since {since:%Y-%m-%d}; nothing is in between"
        )
    return Filters(
        since=since,
        until=None if until is None or until.date() == date.max else until + timedelta(days=1),
        digit=options["digit"],
        verdict=options["verdict"],
        model_version=options["model_version"],
    )


def corrected_only(records: Iterator[Record]) -> Iterator[Record]:
    """Returns the records with a correction."""
    return (record for record in records if record.corrected_label)
