"""Measures one client's inserts into Cassandra, with and without Nagle's algorithm.

Starts a node and appends records with a picture of 6 kB through the store, one after the other:
over sockets with TCP_NODELAY, as the site sets it, and over sockets without.

    python benchmarks/cassandra_inserts.py --records 500
"""

import argparse
import random
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PICTURE_BYTES = 6000  # over the 4 kB that the driver sends in one write
WARM_UP = 50  # records: connections, prepared statements, Java's compiler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=500)
    count = parser.parse_args().records

    from benchmarks.own_cassandra import own_cassandra

    with own_cassandra():
        measure(count)


def measure(count: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from webui.records_cassandra.configuration import CassandraSettings

    call_command("migrate", verbosity=0)
    call_command("sync_records", verbosity=0)
    with_options = CassandraSettings.database

    def without_nodelay(settings: CassandraSettings) -> dict[str, Any]:
        database = with_options(settings)
        del database["OPTIONS"]["connection"]["sockopts"]
        return database

    append(WARM_UP)
    for name, options in (("with", with_options), ("without", without_nodelay)):
        with patch.object(CassandraSettings, "database", options):
            seconds = append(count)
        print(
            f"{name} TCP_NODELAY: {median(seconds) * 1000:.1f} ms an insert (median of {count}), "
            f"{count / sum(seconds):.0f} a second"
        )


def append(count: int) -> list[float]:
    """Appends records one after the other; returns the seconds that each took."""
    from tests.webui.records.factory import make_record
    from webui.records.store import Recorded
    from webui.records_cassandra.store import CassandraStore

    store = CassandraStore(background=False)
    store.session.connect(timeout=60)
    seconds = []
    for _ in range(count):
        record = make_record(picture=random.randbytes(PICTURE_BYTES))
        started = time.perf_counter()
        assert store.append(record) is Recorded.STORED
        seconds.append(time.perf_counter() - started)
    store.close()
    return seconds


if __name__ == "__main__":
    main()
