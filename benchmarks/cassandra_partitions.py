"""Measures the size of a record in Cassandra, which limits the width of a time bucket.

Starts a node, writes records like the site's into one bucket through the store, flushes, and
reads from `nodetool tablestats` the bytes of the partition (before compression, to which
Cassandra's recommendation of at most 100 MB applies) and of the tables on disk.

    python benchmarks/cassandra_partitions.py --records 20000
"""

import argparse
import random
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

A_DAY = 10_000_000  # records
LIMIT = 100_000_000  # bytes that a partition should not exceed
PEAK = 3  # the busiest bucket, relative to the average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=20_000)
    count = parser.parse_args().records

    from benchmarks.own_cassandra import own_cassandra

    with own_cassandra(with_nodetool=True, CASSANDRA_BUCKET="day") as node:
        fill(count)
        node.nodetool("flush")
        report(count, node.nodetool("tablestats", "mnist_key"))


def fill(count: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from webui.records_cassandra.store import CassandraStore
    from webui.records_cassandra.tables.bucket_layout import BucketLayout
    from webui.records_cassandra.tables.bucket_width import BucketWidth

    call_command("migrate", verbosity=0)
    call_command("sync_records")
    store, layout = CassandraStore(background=False), BucketLayout(BucketWidth.DAY)
    store.session.connect(timeout=60)
    start = datetime(2026, 3, 31, tzinfo=UTC)
    for first in range(0, count, 1000):
        records = [
            a_record(start + timedelta(seconds=86_400 * number / count))
            for number in range(first, min(first + 1000, count))
        ]
        for problem in store.writer.write_many([(record, layout) for record in records]):
            if problem is not None:
                raise problem
    store.close()


def a_record(at: datetime) -> Any:
    """Returns a record with every column filled, one in ten corrected."""
    from tests.webui.records.factory import make_record

    corrected = random.random() < 0.1
    return make_record(
        at=at,
        digit=random.randrange(10),
        confidence=random.random(),
        probabilities=[random.random() for _ in range(11)],
        latency_ms=random.random() * 10,
        visitor=f"{random.getrandbits(256):064x}",
        corrected_label="7" if corrected else "",
        corrected_at=at + timedelta(hours=1) if corrected else None,
        corrected_by="a colleague" if corrected else "",
        instance=random.randbytes(784),
        picture=random.randbytes(1500),
        ink=[[[n * 7 % 280, n * 11 % 280, 16 * n] for n in range(40)]],
    )


def report(count: int, statistics: str) -> None:
    table: dict[str, str] = {}
    sizes: dict[str, dict[str, str]] = {}
    for line in statistics.splitlines():
        if found := re.match(r"\s*Table(?: \(index\))?: (\S+)", line):
            table = sizes.setdefault(found[1], {})
        elif ": " in line:
            name, value = line.strip().split(": ", 1)
            table[name] = value
    rows, pictures = sizes["record_data"], sizes["record_pictures"]
    row = float(rows["Compacted partition maximum bytes"]) / count
    print(f"\n{count:,} records in one partition")
    print(f"a row of record_data: {row:.0f} bytes before compression (the largest it may be)")
    print(f"on disk, without indexes: {float(rows['Space used (live)']) / count:.0f} bytes")
    print(
        "a row of record_pictures: "
        f"{float(pictures['Compacted partition mean bytes']):.0f} bytes, a partition each"
    )
    print(f"\nat {A_DAY:,} records a day, the busiest bucket {PEAK} times the average:\n")
    print("| bucket | records | average partition | busiest partition | under 100 MB |")
    print("| --- | ---: | ---: | ---: | --- |")
    for name, minutes in (("day", 1440), ("hour", 60), ("10min", 10), ("minute", 1)):
        records = A_DAY * minutes / 1440
        size, most = records * row, records * row * PEAK
        verdict = "yes" if most <= LIMIT else "no"
        print(
            f"| `{name}` | {records:,.0f} | {size / 1e6:,.1f} MB | {most / 1e6:,.1f} MB "
            f"| {verdict} |"
        )


if __name__ == "__main__":
    main()
