"""Compares a model version with all of the history in Cassandra, on Spark.

    make rescore-spark MODEL_VERSION=3 OUTPUT=var/rescoring
    spark-submit --master spark://… analytics/rescore.py --model-version 3 --output …

Cassandra, the model server and the models directory are those of the site's settings
(`CASSANDRA_HOSTS`, `SERVING_URL`, `MODELS_DIR`, …; docs/configuration.md). The tables are those of
`serving.rescoring`, as CSV, as Parquet, and in the table `rescoring` of the site's keyspace.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cassandra.cluster import Cluster
from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # for spark-submit
    sys.path.insert(0, str(ROOT))

from analytics.install import jars  # noqa: E402
from serving.client import ReplicatedClient, ServingClient  # noqa: E402
from serving.rescoring import Cell, Recorded, Rescoring, write_cells  # noqa: E402
from serving.verdict import DEFAULT_THRESHOLDS, Thresholds  # noqa: E402
from serving.versions.card import CardError, read_card  # noqa: E402
from webui.environment import Environment  # noqa: E402
from webui.records_cassandra.configuration import CassandraSettings  # noqa: E402

CASSANDRA_FORMAT = "org.apache.spark.sql.cassandra"
CREATE_TABLE = (
    "CREATE TABLE IF NOT EXISTS {keyspace}.rescoring (model_version bigint, table_name text, "
    "key text, measure text, value bigint, "
    "PRIMARY KEY (model_version, table_name, key, measure))"
)
COLUMNS = ("model_version", "verdict", "digit", "confidence", "corrected_label")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model-version", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    options = parser.parse_args()
    environment = Environment.of_process(ROOT / ".env")
    cassandra = CassandraSettings.read(environment)
    if cassandra is None:
        parser.error("CASSANDRA_HOSTS is not set; on one machine use manage.py rescore_records")
    if cassandra.tls_ca:
        parser.error("TLS to Cassandra needs a Java trust store: pass spark.cassandra.connection."
                     "ssl.* to spark-submit, and unset CASSANDRA_TLS_CA")  # fmt: skip
    model_name = environment.text("MODEL_NAME", default="digits")
    models = environment.directory("MODELS_DIR", default=ROOT / "serving" / "models")
    scoring = {
        "urls": environment.http_urls("SERVING_URL", default="http://127.0.0.1:8501"),
        "model_name": model_name,
        "version": options.model_version,
        "thresholds": thresholds_on_card(models / model_name / str(options.model_version)),
    }
    with connected(cassandra) as driver:
        # Before Spark looks at the keyspace.
        driver.execute(CREATE_TABLE.format(keyspace=cassandra.keyspace))
    spark = session(cassandra)
    try:
        cells = rescore(spark, cassandra.keyspace, scoring)
        options.output.mkdir(parents=True, exist_ok=True)
        cells.write.mode("overwrite").partitionBy("table").parquet(str(options.output / "parquet"))
        keep(cells, cassandra, version=options.model_version)
        write_cells(
            options.output / "rescoring.csv",
            sorted(Cell(*row) for row in cells.select(*Cell._fields).collect()),
        )
    except Py4JJavaError as problem:
        # The worker's own error is in the middle of two stack traces.
        reasons = re.findall(
            r"^(?:serving|cassandra|java)\S*(?:Error|Exception|Unavailable|NotLoaded)\S*: .*$",
            str(problem),
            re.M,
        )
        sys.exit(f"rescoring failed: {reasons[0] if reasons else problem}")
    finally:
        spark.stop()
    print(
        f"Written: {options.output}/rescoring.csv and parquet, and {cassandra.keyspace}.rescoring"
    )
    return 0


def session(cassandra: CassandraSettings) -> SparkSession:
    """Return Spark's session, which knows where Cassandra is."""
    builder = (
        SparkSession.builder.appName("rescore the history")
        .config("spark.cassandra.connection.host", ",".join(cassandra.hosts))
        .config("spark.cassandra.connection.port", str(cassandra.port))
        .config("spark.sql.session.timeZone", "UTC")
    )
    if jars():  # else they are spark-submit's
        builder = builder.config("spark.jars", ",".join(map(str, jars())))
    if cassandra.datacenter:
        builder = builder.config("spark.cassandra.connection.localDC", cassandra.datacenter)
    if cassandra.user:
        builder = builder.config("spark.cassandra.auth.username", cassandra.user).config(
            "spark.cassandra.auth.password", cassandra.password
        )
    return builder.getOrCreate()


def rescore(spark: SparkSession, keyspace: str, scoring: dict[str, Any]) -> DataFrame:
    """Return the cells of all tables, added up over the partitions of the history."""
    records = table(spark, keyspace, "record_data").select(
        "id", F.date_format("predicted_at", "yyyy-MM-dd").alias("day"), *COLUMNS
    )
    # A correction of a deleted record has no verdict; an expired instance cannot be scored.
    records = records.where(F.col("verdict").isNotNull())
    instances = table(spark, keyspace, "record_pictures").select("id", "instance")
    joined = records.join(instances.where(F.length("instance") > 0), "id")
    parts = joined.rdd.mapPartitions(lambda rows: cells_of(rows, **scoring))
    schema = "table string, key string, measure string, value long"
    cells = spark.createDataFrame(parts, schema)
    return cells.groupBy("table", "key", "measure").agg(F.sum("value").alias("value")).cache()


def table(spark: SparkSession, keyspace: str, name: str) -> DataFrame:
    return spark.read.format(CASSANDRA_FORMAT).options(keyspace=keyspace, table=name).load()


def cells_of(
    rows: Iterator[Row],
    *,
    urls: tuple[str, ...],
    model_name: str,
    version: int,
    thresholds: Thresholds,
) -> Iterator[Cell]:
    """Yield the cells of one partition; runs in Spark's workers."""
    clients = [ServingClient(base_url=url, model_name=model_name) for url in urls]
    model = ReplicatedClient(clients) if len(clients) > 1 else clients[0]
    rescoring = Rescoring(model, version=version, thresholds=thresholds)
    recorded = (
        Recorded(
            day=row.day,
            model_version=row.model_version,
            verdict=row.verdict,
            digit=row.digit,
            confidence=row.confidence,
            corrected_label=row.corrected_label or "",
            instance=bytes(row.instance),
        )
        for row in rows
    )
    for _ in rescoring.add(recorded):
        pass
    yield from rescoring.cells()


def keep(cells: DataFrame, cassandra: CassandraSettings, *, version: int) -> None:
    """Replace the version's tables in Cassandra by these."""
    with connected(cassandra) as driver:
        driver.execute(
            f"DELETE FROM {cassandra.keyspace}.rescoring WHERE model_version = %s",  # noqa: S608
            (version,),
        )
    kept = cells.withColumnRenamed("table", "table_name").withColumn(
        "model_version", F.lit(version).cast("long")
    )
    kept.write.format(CASSANDRA_FORMAT).mode("append").options(
        keyspace=cassandra.keyspace, table="rescoring"
    ).save()


@contextmanager
def connected(cassandra: CassandraSettings) -> Iterator[Any]:
    """Yield a session of the Python driver, for what Spark cannot do."""
    options = dict(cassandra.database()["OPTIONS"]["connection"])
    del options["lazy_connect"]  # an option of django-cassandra-engine, not of the driver
    cluster = Cluster(list(cassandra.hosts), **options)
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def thresholds_on_card(version_dir: Path) -> Thresholds:
    try:
        return read_card(version_dir).thresholds
    except (OSError, CardError):
        return DEFAULT_THRESHOLDS


if __name__ == "__main__":
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    sys.exit(main())
