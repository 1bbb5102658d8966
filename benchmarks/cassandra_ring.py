"""Measures how evenly inserts are spread over three nodes, with one shard and with more.

Starts three nodes on this machine that divide the ring equally, each row on one of them (RF 1),
writes records through the store, and reads from `nodetool tablestats` how many writes of
`record_data` each node took.

    python benchmarks/cassandra_ring.py --records 10000
"""

import argparse
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SHARDS = (1, 16, 64)
SPANS = {"10 minutes": timedelta(minutes=10), "a day": timedelta(days=1)}
START = datetime(2026, 3, 31, tzinfo=UTC)
BATCH = 1000  # records written at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=10_000, help="for each line of the table")
    count = parser.parse_args().records

    from tests.harness.cassandra_ring import three_nodes_running

    with (
        TemporaryDirectory(prefix="cassandra-ring-") as folder,
        three_nodes_running(Path(folder), with_nodetool=True) as nodes,
    ):
        os.environ.update(
            SECRET_KEY="only-for-a-measurement-" + "x" * 40,
            ENV_FILES="off",
            DATABASE_URL=f"sqlite:///{folder}/site.sqlite3",
            CASSANDRA_HOSTS=",".join(node.address for node in nodes),
            CASSANDRA_PORT=str(nodes[0].port),
            CASSANDRA_TIMEOUT_MS="30000",
            DJANGO_SETTINGS_MODULE="webui.settings",
        )
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("sync_records", verbosity=0)
        print(f"{count:,} records, 10-minute buckets, writes of record_data on each node\n")
        print("| written in | shards | writes | of an even share, least and greatest |")
        print("| --- | ---: | --- | ---: |")
        for span, duration in SPANS.items():
            for shards in SHARDS:
                before = [writes(node.nodetool("tablestats", "mnist_key")) for node in nodes]
                fill(count, duration, shards)
                after = [writes(node.nodetool("tablestats", "mnist_key")) for node in nodes]
                taken = [b - a for a, b in zip(before, after, strict=True)]
                shares = [3 * one / sum(taken) for one in taken]
                print(
                    f"| {span} | {shards} | {', '.join(f'{one:,}' for one in taken)} "
                    f"| {min(shares):.2f} to {max(shares):.2f} |",
                    flush=True,
                )


def fill(count: int, duration: timedelta, shards: int) -> None:
    """Write records whose instants are spread evenly over a time, into so many shards."""
    from tests.webui.records.factory import make_record
    from webui.records_cassandra.store import CassandraStore
    from webui.records_cassandra.tables.bucket_layout import BucketLayout

    store, layout = CassandraStore(background=False), BucketLayout(shards=shards)
    try:
        store.session.connect(timeout=60)
        for first in range(0, count, BATCH):
            records = [
                make_record(at=START + number * duration / count)
                for number in range(first, min(first + BATCH, count))
            ]
            for problem in store.writer.write_many([(record, layout) for record in records]):
                if problem is not None:
                    raise problem
    finally:
        store.close()


def writes(statistics: str) -> int:
    """Return the writes of `record_data` that a node has taken, as `nodetool tablestats` says."""
    found = re.search(r"Table: record_data\n(?:.*\n)*?\s*Local write count: (\d+)", statistics)
    if found is None:
        raise SystemExit(f"nodetool tablestats names no record_data:\n{statistics}")
    return int(found[1])


if __name__ == "__main__":
    main()
