"""Compares the cost of a page of records in a long history with that in a short one.

Two stores of the same kind are filled, one with few records and one with many, and the same
pages are read from both: through the store, and through the whole admin. A ratio of 1 means
that the length of the history costs nothing. Readings alternate between the two, so that a busy
machine slows both; the last column is the ratio of the reading process's CPU time, which
other programs hardly change (with the database store it is all of the work).

    python benchmarks/records_pages.py --store database --records 1000000
    python benchmarks/records_pages.py --store cassandra --records 1000000

Cassandra is the cluster at CASSANDRA_HOSTS (in keyspaces of their own, dropped at the end), else
a node that is started and stopped. The database store's files are in a temporary folder;
`--folder` chooses where, since a million records are several gigabytes.
"""

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PAGE = 50
DAYS = 30  # of history, whatever the number of records
WARM_UP = 3  # readings that do not count
RARE = 200  # records of an old version, all at the far end
BATCH = 2000  # records written at once
NEWEST = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
NOISE = random.Random(3).randbytes(1 << 20)  # pictures are slices of it: they do not compress
INK = [[[7 * n % 280 + 0.5, 11 * n % 280 + 0.25, 16 * n] for n in range(40)]]
PROBABILITIES = [0.012345 + n / 100 for n in range(11)]
PICTURE_BYTES = 1500  # about what the page's canvas weighs as a PNG


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--store", choices=["database", "cassandra"], required=True)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--beside", type=int, default=10_000, help="length of the short history")
    parser.add_argument("--rounds", type=int, default=30, help="readings; the median counts")
    parser.add_argument("--folder", type=Path, help="where temporary files are created")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    with (
        TemporaryDirectory(prefix="records-pages-", dir=options.folder) as folder,
        environment(options.store, Path(folder)) as surroundings,
        contextlib.ExitStack() as histories,
    ):
        short, long = (
            histories.enter_context(History(count, options.store, surroundings, Path(folder)))
            for count in (options.beside, options.records)
        )
        print(f"{options.store} store, medians of {options.rounds} readings, pages of {PAGE}\n")
        print(f"| what | {options.beside:,} records | {options.records:,} records | ratio | CPU |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for name in short.names:
            laps = [(short.read(name), long.read(name)) for _ in range(WARM_UP + options.rounds)]
            few, many = zip(*laps[WARM_UP:], strict=True)
            print(
                f"| {name} | {median_of(few, 0):.2f} ms | {median_of(many, 0):.2f} ms "
                f"| {median_of(many, 0) / median_of(few, 0):.2f} "
                f"| {median_of(many, 1) / median_of(few, 1):.2f} |",
                flush=True,
            )


def median_of(laps: Sequence[tuple[float, float]], part: int) -> float:
    """Returns the median of the wall-clock (0) or CPU (1) milliseconds."""
    return statistics.median(lap[part] for lap in laps)


@contextlib.contextmanager
def environment(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """Yields the environment of the measuring processes."""
    base = {
        **os.environ,
        "ENV_FILES": "off",
        "SECRET_KEY": "only-for-a-measurement-" + "x" * 40,
        "STATIC_ROOT": str(folder / "static"),
        "RUNTIME_DIR": str(folder),
    }
    if kind == "database":
        base.pop("CASSANDRA_HOSTS", None)
        yield base
    elif os.environ.get("CASSANDRA_HOSTS"):
        yield base
    else:
        from deploy.cassandra.node import Node, missing, running
        from tests.harness.ports import free_port

        if missing():
            sys.exit(f"Cassandra cannot be started here, needs {missing()}; or set CASSANDRA_HOSTS")
        node = Node(
            directory=folder / "node",
            port=free_port(),
            storage_port=free_port(),
            heap="2G",
            flags=["-XX:TieredStopAtLevel=4"],  # a long run: the optimising compiler pays off
        )
        with running([node]):
            yield {**base, "CASSANDRA_HOSTS": node.address, "CASSANDRA_PORT": str(node.port)}


class History:
    """A process that fills one store, and reads from it on request."""

    def __init__(self, count: int, kind: str, surroundings: dict[str, str], folder: Path) -> None:
        self._command = [sys.executable, __file__, "--store", kind, "--serve", str(count)]
        self._environment = {
            **surroundings,
            "DATABASE_URL": f"sqlite:///{folder}/records-{count}.sqlite3",
            "CASSANDRA_KEYSPACE": f"records_pages_{count}",
        }

    def __enter__(self) -> "History":
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.names: list[str] = self._line()  # once it is filled
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=300)

    def read(self, name: str) -> tuple[float, float]:
        """Returns the wall-clock and CPU milliseconds of one reading."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        wall, cpu = self._line()
        return wall, cpu

    def _line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self._command)} ended with {self._process.wait()}")
        return json.loads(line)


# --- in the process of one history -----------------------------------------------------------


def serve(count: int) -> None:
    """Fills a new store, prints the names of the readings, then takes those that it is sent."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "webui.settings"
    import django

    django.setup()
    import logging

    from django.conf import settings
    from django.core.management import call_command

    logging.disable(logging.INFO)
    Path(settings.STATIC_ROOT).mkdir(exist_ok=True)
    call_command("migrate", verbosity=0)
    if settings.CASSANDRA:
        with contextlib.redirect_stdout(sys.stderr):
            call_command("sync_records")
    try:
        reads = readings(fill(count))
        print(json.dumps(list(reads)), flush=True)
        for line in sys.stdin:
            print(json.dumps(timed(reads[line.strip()])), flush=True)
    finally:
        if settings.CASSANDRA:
            from webui.records.store import store

            cassandra: Any = store()
            driver = cassandra.session.connect()
            driver.execute(f"DROP KEYSPACE {cassandra.settings.keyspace}", timeout=120)
            cassandra.close()


def timed(read: Callable[[], object]) -> tuple[float, float]:
    """Returns the wall-clock and CPU milliseconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    read()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def fill(count: int) -> list[UUID]:
    """Writes records over DAYS days, in batches; returns their ids, newest first."""
    from django.conf import settings
    from tqdm import tqdm

    write = write_to_cassandra if settings.CASSANDRA else write_to_database
    step = timedelta(days=DAYS) / count
    choose = random.Random(7)
    ids: list[UUID] = []
    for start in tqdm(range(0, count, BATCH), unit=f" x {BATCH} records", disable=None):
        records = [
            a_record(choose, at=NEWEST - (count - 1 - n) * step, old=n < RARE)
            for n in range(start, min(start + BATCH, count))
        ]
        write(records)
        ids += [record.id for record in records]
    return ids[::-1]


def write_to_database(records: list[Any]) -> None:
    from webui.records.models import Record

    Record.objects.bulk_create(records)


def write_to_cassandra(records: list[Any]) -> None:
    from webui.records.store import store

    cassandra: Any = store()
    layout = cassandra.settings.layout
    for problem in cassandra.writer.write_many([(record, layout) for record in records]):
        if problem is not None:
            raise problem


def a_record(choose: random.Random, *, at: datetime, old: bool) -> Any:
    """Returns a plausible record; 20 % are unsure, so that a short history fills its pages."""
    from tests.webui.records.factory import make_record

    kind = choose.random()
    verdict = "unsure" if kind < 0.2 else "not_a_digit" if kind < 0.25 else "digit"
    place = choose.randrange(len(NOISE) - PICTURE_BYTES)
    return make_record(
        at=at,
        verdict=verdict,
        digit=None if verdict == "not_a_digit" else choose.randrange(10),
        confidence=choose.random(),
        probabilities=PROBABILITIES,
        model_version=1 if old else choose.choice((2, 3)),
        latency_ms=choose.uniform(2, 9),
        visitor=f"{choose.getrandbits(256):064x}",
        instance=NOISE[place : place + 784],
        picture=NOISE[place : place + PICTURE_BYTES],
        ink=INK,
    )


def readings(ids: list[Any]) -> dict[str, Callable[[], object]]:
    """Returns the readings by name; in a short history the thousandth page is its last full one."""
    from django.contrib.auth.models import User
    from django.test import Client

    from webui.records.store import Filters, store

    deep = ids[min(1000 * PAGE, len(ids) - 2 * PAGE - RARE)]

    def page(*, at: Any = None, back: Any = None, **equal: Any) -> Callable[[], object]:
        def read() -> object:
            return store().page(Filters(**equal), size=PAGE, older_than=at, newer_than=back)

        return read

    day = {"since": NEWEST - timedelta(days=9), "until": NEWEST - timedelta(days=8)}
    found = {
        "first page": page(),
        "thousandth page": page(at=deep),
        "the page before the thousandth": page(back=deep),
        "last page": page(at=ids[-PAGE - 1]),
        "digit": page(digit=3),
        "digit, deep": page(digit=3, at=deep),
        "verdict unsure": page(verdict="unsure"),
        "verdict not a digit": page(verdict="not_a_digit"),
        "model version": page(model_version=2),
        "rare old version": page(model_version=1),
        "one day": page(**day),
        "digit and verdict": page(digit=3, verdict="unsure"),
        "digit and rare old version": page(digit=3, model_version=1),
        "verdict and rare old version": page(verdict="digit", model_version=1),
        "digit, verdict, version": page(digit=3, verdict="unsure", model_version=3),
        "digit, verdict, version, day": page(digit=3, verdict="digit", model_version=3, **day),
        "a version without records": page(model_version=99),
        "one record": lambda: store().get(deep),
        "model versions": lambda: store().model_versions(),
    }
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("measurer"))
    for name, query in (
        ("admin, first page", ""),
        ("admin, thousandth page", f"?older={deep}"),
        ("admin, digit, verdict, version", "?digit=3&verdict=unsure&version=3"),
        ("admin, one day", f"?day={NEWEST - timedelta(days=9):%Y-%m-%d}"),
    ):

        def visit(path: str = f"/admin/records/record/{query}") -> None:
            assert client.get(path).status_code == 200

        found[name] = visit
    return found


if __name__ == "__main__":
    main()
