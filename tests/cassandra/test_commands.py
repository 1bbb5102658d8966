"""Management commands, in processes with their own settings."""

import dataclasses
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from deploy.cassandra.node import Node
from tests.harness import ROOT
from tests.harness.ports import free_port
from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until
from tests.webui.records.factory import append_records, equal, make_record
from tests.webui.records.walking import all_ids, ids
from webui.records.database_store import DatabaseStore
from webui.records.store import Filters, RecordNotFound
from webui.records_cassandra.configuration import CassandraSettings
from webui.records_cassandra.models import CopyProgress
from webui.records_cassandra.store import CassandraStore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator(node: Node, tmp_path: Path) -> SiteProcess:
    """A site that records on this node, in a keyspace of its own."""
    site = SiteProcess(
        tmp_path,
        CASSANDRA_HOSTS=node.address,
        CASSANDRA_PORT=str(node.port),
        CASSANDRA_KEYSPACE="of_an_operator",
        CASSANDRA_TIMEOUT_MS="10000",
    )
    site.succeed("migrate", "--verbosity=0")
    return site


def test_sync_records_creates_everything_and_can_be_run_again(
    operator: SiteProcess, store: CassandraStore
) -> None:
    first = operator.manage("sync_records")
    assert first.returncode == 0, first.stderr
    for name in ("record_data", "record_pictures", "record_buckets", "record_catalog"):
        assert f"created table of_an_operator.{name}" in first.stdout
    for column in ("digit", "verdict", "model_version", "visitor"):
        assert f"created index of_an_operator.record_data_by_{column}" in first.stdout
    second = operator.manage("sync_records")
    assert second.returncode == 0, second.stderr
    assert second.stdout.splitlines() == ["keyspace of_an_operator is complete"]
    indexes = store.session.connect().execute(
        "SELECT index_name, options FROM system_schema.indexes "
        "WHERE keyspace_name = 'of_an_operator'"
    )
    assert {row["options"]["class_name"] for row in indexes} == {"sai"}
    operator.environment["CASSANDRA_RF"] = "3"
    third = operator.manage("sync_records")
    assert "ALTER KEYSPACE of_an_operator" in third.stdout
    store.session.connect().execute("DROP KEYSPACE of_an_operator", timeout=60)


def test_sync_records_names_the_address_when_it_gives_up(operator: SiteProcess) -> None:
    operator.environment["CASSANDRA_PORT"] = str(free_port())
    done = operator.manage("sync_records", "--wait", "0")
    assert done.returncode == 1
    assert f"127.0.0.1 port {operator.environment['CASSANDRA_PORT']}" in done.stderr


def test_migrations_do_not_touch_cassandra(operator: SiteProcess) -> None:
    done = operator.manage("makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    done = operator.manage("check")
    assert done.returncode == 0, done.stderr


def append_to_database_store(count: int) -> list[UUID]:
    """Appends records, one of them corrected, and returns their ids, newest first."""
    store = DatabaseStore()
    records = append_records(store, count)
    corrected = records[count // 2]
    store.correct(corrected.id, label="2", by="ada", at=corrected.predicted_at)
    return ids(records)


def run(command: str) -> str:
    output = StringIO()
    call_command(command, stdout=output, stderr=StringIO())
    return output.getvalue()


def test_copy_records_copies_everything_once(
    store: CassandraStore, settings_here: CassandraSettings
) -> None:
    copied = append_to_database_store(450)
    assert "copied 450 records into keyspace mnist_key" in run("copy_records")
    assert all_ids(store) == copied
    for record in DatabaseStore().scan(Filters()):
        assert equal(store.get(record.id), record)
    # A second run does not revive a record that was deleted in Cassandra.
    store.delete([copied[-1]])
    DatabaseStore().append(make_record())
    output = run("copy_records")
    assert "copied 1 records" in output
    assert "450 more by earlier runs" in output
    with pytest.raises(RecordNotFound):
        store.get(copied[-1])


def test_copy_records_is_resumed_where_it_was_interrupted(
    store: CassandraStore, settings_here: CassandraSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = append_to_database_store(650)
    real_save = CopyProgress.save
    saves = 0

    def save(self: CopyProgress, *args: object, **kwargs: object) -> None:
        nonlocal saves
        saves += 1
        if saves == 3:
            raise KeyboardInterrupt  # the batch is written, but the progress is not saved
        real_save(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(CopyProgress, "save", save)
    with pytest.raises(CommandError, match="interrupted after 200 records"):
        run("copy_records")
    monkeypatch.undo()
    assert "copied 450 records" in run("copy_records")
    assert all_ids(store) == copied


def test_copy_records_reports_that_cassandra_is_unavailable(
    settings_here: CassandraSettings, settings: object
) -> None:
    append_to_database_store(3)
    settings.CASSANDRA = dataclasses.replace(settings_here, port=free_port())  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="interrupted after 0 records"):
        run("copy_records")


def test_move_spool_replays_all_pending_events(
    store: CassandraStore, settings_here: CassandraSettings
) -> None:
    store.circuit_breaker.trip()
    records = [make_record() for _ in range(5)]
    for record in records:
        store.append(record)
    assert "5 events replayed; 0 pending" in run("move_spool")
    store.circuit_breaker.close()
    assert len(all_ids(store)) == 5


def test_make_cassandra_runs_a_node_until_it_is_stopped(tmp_path: Path) -> None:
    """A second node on the same port is refused, and nothing is left running."""
    environment = {**os.environ, "CASSANDRA_PORT": str(free_port()), "CASSANDRA_HEAP": "256M"}
    environment["CASSANDRA_STORAGE_PORT"] = str(free_port())
    environment["CASSANDRA_DIRECTORY"] = str(tmp_path / "data")
    command = [sys.executable, "deploy/cassandra/node.py"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert lines[0].startswith("Starting Cassandra 5.0")
        assert "make run CASSANDRA_HOSTS=127.0.0.1" in lines[1]
        again = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
        assert again.returncode == 1
        assert "answers on 127.0.0.1" in again.stdout
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.stdout.close()
        if process.poll() is None:
            process.kill()
            process.wait()
    node = Node(directory=tmp_path, port=int(environment["CASSANDRA_PORT"]))
    wait_until(lambda: not node.answers(), seconds=10)
