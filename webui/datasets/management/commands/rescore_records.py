"""`python manage.py rescore_records`: how another version would have answered the history."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from serving.client import ServingError
from serving.rescoring import Recorded, Rescoring, write_cells
from webui.recognition.selectors import thresholds_of
from webui.records.store import Filters, StoreUnavailable, store
from webui.rollout.serving import serving_client


class Command(BaseCommand):
    help = (
        "Asks a version about the instance of every record, and writes how it agrees with what "
        "was answered (agreement, confusion, drift by day) as CSV. The model server must have "
        "loaded the version. analytics/rescore.py does the same on Spark."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model-version", type=int, required=True, metavar="N")
        parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="a CSV file")

    def handle(self, *_: Any, **options: Any) -> None:
        version: int = options["model_version"]
        rescoring = Rescoring(
            serving_client(),
            version=version,
            thresholds=thresholds_of(model_name=settings.MODEL_NAME, version=version),
        )
        quiet = None if options["verbosity"] else True
        try:
            with tqdm(unit=" records", disable=quiet, leave=False) as progress:
                for size in rescoring.add(_recorded()):
                    progress.update(size)
            write_cells(options["output"], rescoring.cells())
        except (ServingError, StoreUnavailable, OSError) as problem:
            raise CommandError(f"nothing was written: {problem}") from problem
        if options["verbosity"]:
            self.stdout.write(f"Written: {options['output']}")


def _recorded() -> Iterator[Recorded]:
    """Yield the records that have an instance."""
    for record in store().scan(Filters(), pictures=False):
        if record.instance:
            yield Recorded(
                day=f"{record.predicted_at.astimezone(UTC):%Y-%m-%d}",
                model_version=record.model_version,
                verdict=record.verdict,
                digit=record.digit,
                confidence=record.confidence,
                corrected_label=record.corrected_label,
                instance=bytes(record.instance),
            )
