"""`python manage.py snapshot_dataset`: writes reviewed and prompted drawings as a folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from webui.datasets.labels import labelled
from webui.datasets.snapshots import NothingLabelled, Written, write_snapshot
from webui.records.store import StoreUnavailable, store


class Command(BaseCommand):
    help = (
        "Writes every reviewed or prompted drawing into a new folder that is never changed: "
        "JSON lines with ink, MNIST's IDX files, Croissant metadata and SHA-256 of all, split by "
        "writer. The same drawings have the same hash."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--output", type=Path, required=True, metavar="DIR", help="a folder, which is created"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        output: Path = options["output"]
        if not output.parent.is_dir():
            raise CommandError(f"there is no folder {output.parent} to write {output.name} into")
        progress = tqdm(
            labelled(),
            unit=" drawings",
            disable=None if options["verbosity"] else True,
            leave=False,
        )
        try:
            with progress:
                written = write_snapshot(output, progress, store())
        except FileExistsError as problem:
            raise CommandError(
                f"{output} exists, and a snapshot is never changed; name another folder"
            ) from problem
        except NothingLabelled as problem:
            raise CommandError(
                "nothing was written: no drawing is reviewed (admin, Review) or was collected by "
                "prompts (/collect)"
            ) from problem
        except (StoreUnavailable, OSError) as problem:
            raise CommandError(f"nothing was written: {problem}") from problem
        if options["verbosity"]:
            self.stdout.write(described(output, written))


def described(output: Path, written: Written) -> str:
    """Return what was written, for people."""
    sides = ", ".join(
        f"{split} {written.counts['split'].get(split, 0)} by {people} writers"
        for split, people in written.writers.items()
    )
    missing = (
        f"\n{written.missing} labelled records are left out: deleted, or without an instance"
        if written.missing
        else ""
    )
    return f"{output}: {written.drawings} drawings ({sides}){missing}\nsha256 {written.sha256}"
