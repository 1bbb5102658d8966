"""`manage.py export_records`: what was drawn and read, as files; from whichever store there is."""

from argparse import ArgumentParser
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
    """The day's first instant, UTC."""
    return datetime.combine(date.fromisoformat(text), time(), UTC)


day.__name__ = "day (like 2026-03-14)"  # argparse names it when it refuses


class Command(BaseCommand):
    help = (
        "Writes records with their pictures as JSON lines, or as a folder of MNIST's IDX files. "
        "The label is the correction where there is one, else what the model said; an unsure "
        "record without a correction has none (IDX skips it). IDX writes 10 for not a digit."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["jsonl", "idx"], required=True)
        parser.add_argument(
            "--output",
            type=Path,
            required=True,
            metavar="PATH",
            help="jsonl: a file (.gz compresses it); idx: a folder, which is made",
        )
        parser.add_argument("--since", type=day, metavar="DAY", help="first day (UTC)")
        parser.add_argument("--until", type=day, metavar="DAY", help="last day (UTC), included")
        parser.add_argument("--digit", type=int, choices=range(10), metavar="0..9")
        parser.add_argument("--verdict", choices=Verdict.values)
        parser.add_argument("--model-version", type=int, metavar="N")
        parser.add_argument(
            "--corrected-only", action="store_true", help="only what a person has corrected"
        )
        parser.add_argument(
            "--labels",
            choices=[labels.value for labels in Labels],
            default=Labels.CORRECTED.value,
            help="corrected: the correction, else what was said (default); said: what was said",
        )
        parser.add_argument("--force", action="store_true", help="replace what is at PATH")

    def handle(self, *_: Any, **options: Any) -> None:
        output: Path = options["output"]
        filters = filters_of(options)
        records = store().scan(filters, pictures=options["format"] == "jsonl")
        chosen = corrected_only(records) if options["corrected_only"] else records
        # Shown on a terminal only; how many there are, no store knows beforehand.
        shown = tqdm(
            chosen, unit=" records", disable=None if options["verbosity"] else True, leave=False
        )
        write = write_json_lines if options["format"] == "jsonl" else write_idx
        try:
            with shown:
                done = write(
                    shown, output, labels=Labels(options["labels"]), force=options["force"]
                )
        except (ExportRefused, StoreUnavailable, OSError) as problem:
            raise CommandError(f"nothing was exported: {problem}") from problem
        if options["verbosity"]:
            skipped = (
                f"; {done.skipped} skipped, for they have no label or no instance"
                if done.skipped
                else ""
            )
            self.stdout.write(f"{done.written} records written to {output}{skipped}")


def filters_of(options: dict[str, Any]) -> Filters:
    """What the command line narrows to.

    Raises:
        CommandError: if the days are the wrong way round.
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
    """Those that a person has said something about."""
    return (record for record in records if record.corrected_label)
