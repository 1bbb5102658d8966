"""Spark finds in Cassandra what the command of one machine finds."""

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics import install
from deploy.cassandra.node import Node
from tests.harness import ROOT
from tests.harness.fake_model_server import FakeModelServer, fake_model_server
from tests.webui.records.factory import make_record
from webui.datasets.management.commands import rescore_records
from webui.records_cassandra.store import CassandraStore
from webui.rollout.serving import serving_client

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
RECORDS = 150  # more than one request's


def fill(store: CassandraStore) -> None:
    records = [
        make_record(
            at=NOON - timedelta(hours=number),
            digit=number % 10,
            confidence=(number % 97) / 97,
            model_version=1 + number % 2,
            corrected_label="3" if number % 5 == 0 else "",
            corrected_at=NOON if number % 5 == 0 else None,
            corrected_by="ada" if number % 5 == 0 else "",
        )
        for number in range(RECORDS)
    ]
    layout = store.settings.layout
    assert store.writer.write_many([(record, layout) for record in records]) == [None] * RECORDS
    gone = records[7]
    store.delete([gone.id])
    # A correction that arrives after the deletion leaves a row without a prediction.
    store.session.connect().execute(
        "UPDATE mnist_key.record_data USING TIMESTAMP 9000000000000000 SET corrected_label = '1' "
        "WHERE bucket = '2026-03-31T05' AND id = %s",
        (gone.id,),
    )


def answering(model: FakeModelServer, settings: Any) -> None:
    model.loaded = {1, 3}
    settings.SERVING_URLS = (model.url,)
    serving_client.cache_clear()


def rescore_on_spark(node: Node, model: FakeModelServer, output: Path, *, version: int) -> Any:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [
            *(sys.executable, "-m", "analytics.rescore"),
            *("--model-version", str(version), "--output", str(output)),
        ],
        cwd=ROOT,
        env={
            **environment,
            "PYTHONPATH": str(install.packages()),
            "PYSPARK_PYTHON": sys.executable,
            "ENV_FILES": "off",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_SUBMIT_ARGS": (
                "--conf spark.sql.shuffle.partitions=4 --conf spark.ui.enabled=false pyspark-shell"
            ),
            "CASSANDRA_HOSTS": node.address,
            "CASSANDRA_PORT": str(node.port),
            "CASSANDRA_TIMEOUT_MS": "30000",
            "SERVING_URL": model.url,
        },
        capture_output=True,
        text=True,
        timeout=500,
    )


def test_spark_and_the_command_find_the_same(
    node: Node,
    store: CassandraStore,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert install.main() == 0
    fill(store)
    monkeypatch.setattr(rescore_records, "store", lambda: store)
    with fake_model_server() as model:
        answering(model, settings)
        try:
            call_command(
                "rescore_records", model_version=3, output=tmp_path / "one.csv", verbosity=0
            )
            with pytest.raises(CommandError, match=r"nothing was written: .*digits, 2"):
                call_command("rescore_records", model_version=2, output=tmp_path / "no.csv")
        finally:
            serving_client.cache_clear()
        finished = rescore_on_spark(node, model, tmp_path / "spark", version=3)
        assert finished.returncode == 0, finished.stderr[-5000:]
        failed = rescore_on_spark(node, model, tmp_path / "failed", version=2)
    assert failed.returncode == 1
    assert "VersionNotLoaded" in failed.stderr.splitlines()[-1]
    assert not (tmp_path / "no.csv").exists()
    assert not (tmp_path / "failed" / "rescoring.csv").exists()

    of_one_machine = (tmp_path / "one.csv").read_text()
    assert (tmp_path / "spark" / "rescoring.csv").read_text() == of_one_machine
    assert any((tmp_path / "spark" / "parquet").rglob("*.parquet"))
    cells = list(csv.DictReader(of_one_machine.splitlines()))
    counted = sum(
        int(cell["value"])
        for cell in cells
        if (cell["table"], cell["measure"]) == ("agreement", "records")
    )
    assert counted == RECORDS - 1
    kept = store.session.connect().execute("SELECT * FROM mnist_key.rescoring")
    assert sorted(
        (row["table_name"], row["key"], row["measure"], row["value"]) for row in kept
    ) == [(cell["table"], cell["key"], cell["measure"], int(cell["value"])) for cell in cells]
    store.session.connect().execute("DROP TABLE mnist_key.rescoring")
