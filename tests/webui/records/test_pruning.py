"""Records and pictures are deleted by age: in batches, resumable, and by one process at a time."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until
from tests.webui.database.files import found_in_files
from tests.webui.records.factory import INK, make_record
from webui.environment import Environment
from webui.leases import Lease
from webui.records import prune_timer, pruning
from webui.records.database_store import DatabaseStore
from webui.records.models import Pruning, Record
from webui.records.prune_timer import PruneTimer, prune_if_due
from webui.records.pruning import Pruned, expired, prune
from webui.records.retention import Retention

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = Retention(records=timedelta(days=30), pictures=timedelta(days=7))


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "PAUSE_SECONDS", 0)


def aged(days: float, **changed: object) -> Record:
    """Stores a record of a prediction so many days ago."""
    record = make_record(at=datetime.now(UTC) - timedelta(days=days), **changed)
    DatabaseStore().append(record)
    return record


def days_kept() -> list[int]:
    """Returns the ages of the records, oldest first."""
    now = datetime.now(UTC)
    instants = Record.objects.order_by("predicted_at").values_list("predicted_at", flat=True)
    return [round((now - at) / timedelta(days=1)) for at in instants]


def days_with_picture() -> list[int]:
    now = datetime.now(UTC)
    rows = Record.objects.order_by("predicted_at")
    return [round((now - row.predicted_at) / timedelta(days=1)) for row in rows if row.picture]


# --- what is deleted ------------------------------------------------------------------------


def test_records_and_pictures_are_deleted_by_their_own_ages() -> None:
    for days in (400, 31, 29, 8, 6, 0):
        aged(days)
    assert expired(BOTH) == Pruned(records=2, pictures=2)
    assert prune(BOTH) == Pruned(records=2, pictures=2)
    assert days_kept() == [29, 8, 6, 0]
    assert days_with_picture() == [6, 0]
    assert expired(BOTH) == prune(BOTH) == Pruned()


def test_without_its_picture_a_record_is_as_one_in_cassandra() -> None:
    """Picture and ink are gone; the instance and the answer stay."""
    old = aged(8)
    DatabaseStore().correct(old.id, label="3", by="ada", at=datetime.now(UTC))
    prune(BOTH)
    kept = DatabaseStore().get(old.id)
    assert (kept.picture, kept.ink) == (b"", None)
    assert kept.instance == old.instance
    assert kept.corrected_label == "3"
    assert aged(1).ink == INK


@pytest.mark.parametrize(
    ("retention", "kept", "with_picture"),
    [
        (Retention(), [40, 10], [40, 10]),
        (Retention(records=timedelta(days=30)), [10], [10]),
        (Retention(pictures=timedelta(days=30)), [40, 10], [10]),
    ],
    ids=["neither", "records", "pictures"],
)
def test_only_what_is_set_is_deleted(
    retention: Retention, kept: list[int], with_picture: list[int]
) -> None:
    for days in (40, 10):
        aged(days)
    prune(retention)
    assert days_kept() == kept
    assert days_with_picture() == with_picture


# --- batches --------------------------------------------------------------------------------


def test_many_are_deleted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_RECORDS", 3)
    for number in range(7):
        aged(40 + number / 100)
        aged(10 + number / 100)
    batches: list[Pruned] = []
    assert prune(BOTH, progress=batches.append) == Pruned(records=7, pictures=7)
    assert [batch.records for batch in batches] == [3, 3, 1, 0, 0, 0]
    assert [batch.pictures for batch in batches] == [0, 0, 0, 3, 3, 1]


def test_a_batch_is_bounded_by_the_size_of_its_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_BYTES", 2500)
    for number, size in enumerate((1000, 1000, 1000, 5000, 10)):
        aged(40 - number / 100, picture=bytes(size))
    batches: list[Pruned] = []
    prune(BOTH, progress=batches.append)
    assert [batch.records for batch in batches] == [2, 1, 1, 1]


def test_a_run_stops_at_its_limit_and_the_next_goes_on() -> None:
    for number in range(4):
        aged(40 + number)
        aged(10 + number)
    assert prune(BOTH, limit=3) == Pruned(records=3)
    assert days_kept()[0] == 40
    assert prune(BOTH, limit=3) == Pruned(records=1, pictures=2)
    assert prune(BOTH, limit=3) == Pruned(pictures=2)


def test_pictures_of_the_same_instant_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_RECORDS", 2)
    at = datetime.now(UTC) - timedelta(days=10)
    for _ in range(5):
        DatabaseStore().append(make_record(at=at))
    assert prune(BOTH) == Pruned(pictures=5)


def test_an_interrupted_run_is_resumed_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_RECORDS", 2)
    for number in range(6):
        aged(10 + number)

    def interrupt(_batch: Pruned) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(BOTH, progress=interrupt)
    assert days_with_picture() == [13, 12, 11, 10]
    assert prune(BOTH) == Pruned(pictures=4)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plans")
def test_what_earlier_runs_have_pruned_is_not_read_again() -> None:
    """The search begins, in the index of instants, where the last one ended."""
    aged(10)
    prune(BOTH)
    with CaptureQueriesContext(connection) as queries:
        prune(BOTH)
    searches = [query["sql"] for query in queries if "LENGTH" in query["sql"]]
    assert len(searches) == 2
    for sql in searches:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = "; ".join(row[3] for row in cursor.fetchall())
        assert "INDEX record_newest" in plan, plan
        assert "B-TREE" not in plan, plan
    assert "predicted_at>? AND predicted_at<?" in plan


def test_a_clock_that_was_fast_hides_no_picture() -> None:
    Pruning.objects.create(
        name=pruning.LEASE,
        until=datetime.now(UTC),
        pictures_removed_until=datetime.now(UTC) + timedelta(days=365),
    )
    aged(10)
    assert prune(BOTH) == Pruned(pictures=1)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's files")
def test_a_pruned_drawing_is_in_none_of_the_files() -> None:
    secret = os.urandom(32)
    for days in (40, 10):
        aged(days, picture=secret * 50)
    assert found_in_files(secret)
    prune(BOTH)
    assert found_in_files(secret) == []


# --- one at a time, once an hour -----------------------------------------------------------


def test_only_one_process_prunes(settings: Settings) -> None:
    aged(40)
    settings.RETENTION = BOTH
    other = Lease(Pruning, pruning.LEASE)
    assert other.acquire()
    with pytest.raises(pruning.PrunedElsewhere):
        prune(BOTH)
    assert prune_if_due() == Pruned()
    with pytest.raises(CommandError, match="another process is pruning"):
        call_command("prune_records")
    other.release()
    assert prune_if_due() == Pruned(records=1)


def test_the_timer_prunes_once_an_hour(settings: Settings) -> None:
    settings.RETENTION = BOTH
    aged(40)
    assert prune_if_due() == Pruned(records=1)
    aged(40)
    assert prune_if_due() == Pruned()
    Pruning.objects.update(ran_at=datetime.now(UTC) - prune_timer.INTERVAL)
    assert prune_if_due() == Pruned(records=1)
    aged(40)
    Pruning.objects.update(ran_at=datetime.now(UTC) + timedelta(days=300))  # a fast clock's
    assert prune_if_due() == Pruned(records=1)


def test_the_thread_outlives_a_database_that_is_down(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(prune_timer, "START_SECONDS", 0)
    monkeypatch.setattr(prune_timer, "LOOK_SECONDS", 0.01)
    calls: list[None] = []
    done = threading.Event()

    def fail_once() -> Pruned:
        calls.append(None)
        if len(calls) == 1:
            raise OperationalError("the server is down")
        done.set()
        return Pruned()

    monkeypatch.setattr(prune_timer, "prune_if_due", fail_once)
    timer = PruneTimer()
    timer.start()
    assert done.wait(30)
    timer.stop()
    assert "pruning_failed" in caplog.text


def test_a_running_site_prunes_by_itself(tmp_path: Path) -> None:
    site = SiteProcess(tmp_path, RECORDS_TTL_DAYS="30", PICTURES_TTL_DAYS="7")
    site.succeed("migrate", "--verbosity=0")
    site.succeed(
        *("shell", "--verbosity=0", "--command"),
        "from datetime import UTC, datetime, timedelta\n"
        "from tests.webui.records.factory import make_record\n"
        "from webui.records.store import store\n"
        "for days in (31, 8, 6):\n"
        "    store().append(make_record(at=datetime.now(UTC) - timedelta(days=days)))\n",
    )
    assert len(site.records()) == 3
    try:
        site.start(probe="/healthz")
        wait_until(
            lambda: [len(row["picture"]) > 0 for row in site.records().values()] == [False, True],
            seconds=120,  # it begins within ten seconds
            message="one record and one picture are deleted",
            details=site.log_end,
        )
    finally:
        site.stop()


# --- the command ----------------------------------------------------------------------------


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("prune_records", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_says_what_it_does(settings: Settings) -> None:
    settings.RETENTION = BOTH
    for days in (40, 10):
        aged(days)
    said = "1 records {} deleted (RECORDS_TTL_DAYS is 30), pictures of 1 others {} deleted"
    assert said.format("would be", "would be") in run("--dry-run")
    assert days_with_picture() == [40, 10]
    assert said.format("were", "were") in run()
    assert (days_kept(), days_with_picture()) == ([10], [])


def test_the_command_without_a_retention_deletes_nothing(settings: Settings) -> None:
    aged(4000)
    assert "RECORDS_TTL_DAYS is not set" in run()
    assert days_kept() == [4000]


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_wrong_limit_is_refused(limit: str) -> None:
    with pytest.raises(CommandError, match="1 or more"):
        run(f"--limit={limit}")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="measures SQLite's file")
def test_vacuum_gives_the_space_back(settings: Settings) -> None:
    settings.RETENTION = BOTH
    aged(40, picture=os.urandom(3_000_000))
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database = Path(connection.settings_dict["NAME"])
    before = database.stat().st_size
    run("--vacuum")
    assert database.stat().st_size < before - 2_500_000


# --- the settings ---------------------------------------------------------------------------


def read(
    reader: Callable[[Environment], Retention], **variables: str
) -> tuple[int | None, int | None]:
    retention = reader(Environment(variables))
    return (
        None if retention.records is None else retention.records.days,
        None if retention.pictures is None else retention.pictures.days,
    )


def test_the_settings_are_the_same_for_every_store() -> None:
    both = {"RECORDS_TTL_DAYS": "30", "PICTURES_TTL_DAYS": "7"}
    assert read(Retention.read, **both) == (30, 7)
    assert read(Retention.read_for_cassandra, **both) == (30, 7)
    assert read(Retention.read) == (None, None)


def test_the_earlier_names_count_for_cassandra_alone() -> None:
    earlier = {"CASSANDRA_RECORDS_TTL_DAYS": "30", "CASSANDRA_PICTURES_TTL_DAYS": "7"}
    assert read(Retention.read_for_cassandra, **earlier) == (30, 7)
    assert read(Retention.read, **earlier) == (None, None)
    assert read(Retention.read_for_cassandra, **earlier, RECORDS_TTL_DAYS="30") == (30, 7)
    with pytest.raises(ImproperlyConfigured, match=r"^RECORDS_TTL_DAYS is 60, and CASSANDRA_"):
        read(Retention.read_for_cassandra, **earlier, RECORDS_TTL_DAYS="60")
