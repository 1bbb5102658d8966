"""Compares a history with a version on one machine and on Spark: the tables, and the time.

Starts a Cassandra node and the embedded model server, and writes records of drawings.

    python benchmarks/rescoring.py --records 100000
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BATCH = 1000  # records written at once
DRAWINGS = 200
DAYS = 30
SECONDS = 3000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--model-version", type=int, default=2)
    options = parser.parse_args()

    from analytics import install
    from benchmarks.own_cassandra import own_cassandra
    from serving.versions.bundled import install_bundled
    from tests.harness.model_server import ModelServerProcess

    install.main()
    with TemporaryDirectory(prefix="rescoring-") as name, own_cassandra():
        folder = Path(name)
        server = ModelServerProcess(folder / "models")
        install_bundled(server.models_dir)
        server.start()
        os.environ.update(SERVING_URL=server.url, MODELS_DIR=str(server.models_dir))
        try:
            fill(options.records)
            version = ("--model-version", str(options.model_version), "--output")
            one, many = folder / "one.csv", folder / "spark"
            one_seconds = timed("manage.py", "rescore_records", *version, str(one))
            os.environ["PYTHONPATH"] = str(install.packages())
            many_seconds = timed("-m", "analytics.rescore", *version, str(many))
            print(f"{options.records:,} records")
            print(f"one machine's command: {one_seconds:.0f} s")
            print(f"Spark, {os.cpu_count()} cores: {many_seconds:.0f} s")
            compare(cells(one), cells(many / "rescoring.csv"))
        finally:
            server.kill()


def fill(count: int) -> None:
    """Write records of drawings over some days, every tenth corrected."""
    import django

    django.setup()
    from django.core.management import call_command

    from serving.preprocessing import to_instance
    from tests.harness.drawings import recorded_strokes
    from tests.webui.records.factory import make_record
    from training.data import canvas
    from webui.records_cassandra.store import CassandraStore

    call_command("migrate", verbosity=0)
    call_command("sync_records", verbosity=0)
    choose, strokes = np.random.default_rng(1), recorded_strokes()
    instances = [
        np.rint(255 * to_instance(canvas.perturbed(strokes[str(number % 10)], choose)))
        .astype(np.uint8)
        .tobytes()
        for number in range(DRAWINGS)
    ]
    store = CassandraStore(background=False)
    store.session.connect(timeout=60)
    newest = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    for first in range(0, count, BATCH):
        records = []
        for number in range(first, min(first + BATCH, count)):
            at = newest - number * timedelta(days=DAYS) / count
            corrected = number % 10 == 0
            records.append(
                make_record(
                    at=at,
                    digit=number % 10,
                    confidence=float(choose.random()),
                    model_version=1 + number % 2,
                    instance=instances[number % DRAWINGS],
                    corrected_label=str(number % 10) if corrected else "",
                    corrected_at=at if corrected else None,
                    corrected_by="a colleague" if corrected else "",
                )
            )
        layout = store.settings.layout
        for problem in store.writer.write_many([(record, layout) for record in records]):
            if problem is not None:
                raise problem
    store.close()


def timed(*command: str) -> float:
    """Run a command of the project to its end; return its seconds."""
    start = time.monotonic()
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, timeout=SECONDS)
    return time.monotonic() - start


def cells(path: Path) -> dict[tuple[str, str, str], int]:
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        return {(row["table"], row["key"], row["measure"]): int(row["value"]) for row in rows}


def compare(one: dict[tuple[str, str, str], int], many: dict[tuple[str, str, str], int]) -> None:
    """Print whether all counts are equal, and how far the sums of confidences are apart."""
    counts = [place for place in one if not place[2].endswith("millionths")]
    sums = [place for place in one if place[2].endswith("millionths")]
    equal = one.keys() == many.keys() and all(one[place] == many[place] for place in counts)
    apart = max(abs(one[place] - many.get(place, 0)) / one[place] for place in sums)
    print(f"{len(counts)} counts: {'equal' if equal else 'DIFFERENT'}")
    print(f"{len(sums)} sums of confidences: at most {apart:.1e} apart")


if __name__ == "__main__":
    main()
