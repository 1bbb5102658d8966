"""The tables of keyspace `mnist_key`, and the spool's tables in the default database.

The tables in Cassandra are DjangoCassandraModels: `sync_records` creates them from these
classes, and `RecordRow.objects` reads them in a shell. The store itself uses prepared
statements (`cql/statements.py`), which take half the time and never need ALLOW FILTERING.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from cassandra.cqlengine import columns
from django.conf import settings
from django.db import models
from django_cassandra_engine.models import DjangoCassandraModel

from webui.records_cassandra.configuration import ALIAS

# Explicit, so that the classes can be imported where the app is not installed, as in most tests.
APP = "records_cassandra"
KEYSPACE = settings.CASSANDRA.keyspace if settings.CASSANDRA else "mnist_key"


class RecordRow(DjangoCassandraModel):
    """A prediction without its pictures, so that `select * from record_data` is readable.

    The partition is a time bucket or a shard of one (`tables/buckets.py`), newest record first. A
    correction sets only its own three columns.
    """

    __connection__ = ALIAS
    __keyspace__ = KEYSPACE
    __table_name__ = "record_data"

    bucket = columns.Text(partition_key=True)
    id = columns.TimeUUID(primary_key=True, clustering_order="DESC")
    predicted_at = columns.DateTime()
    verdict = columns.Text()
    digit = columns.TinyInt()
    confidence = columns.Double()
    probabilities = columns.List(columns.Double, frozen=True, default=None)
    model_name = columns.Text()
    model_version = columns.BigInt()
    model_label = columns.Text()
    latency_ms = columns.Double()
    visitor = columns.Text()
    corrected_label = columns.Text()
    corrected_at = columns.DateTime()
    corrected_by = columns.Text()

    class Meta:
        app_label = APP
        get_pk_field = "id"
        verbose_name = "record"


# Columns with an SAI index. Filters on several are combined, always within one partition, so
# that no statement needs ALLOW FILTERING.
INDEXED_COLUMNS: Sequence[str] = ("digit", "verdict", "model_version", "visitor")


class PictureRow(DjangoCassandraModel):
    """The picture, ink and instance of a record, in a small partition of its own."""

    __connection__ = ALIAS
    __keyspace__ = KEYSPACE
    __table_name__ = "record_pictures"

    id = columns.TimeUUID(partition_key=True)
    instance = columns.Blob()
    picture = columns.Blob()
    ink = columns.Text()  # JSON

    class Meta:
        app_label = APP
        get_pk_field = "id"
        verbose_name = "picture"


class BucketRow(DjangoCassandraModel):
    """An index row: a bucket that holds records of a filter combination, newest first.

    Written before the first such record of the bucket, so that no crash can hide a record.
    """

    __connection__ = ALIAS
    __keyspace__ = KEYSPACE
    __table_name__ = "record_buckets"

    # The filter combination: "all", "version=2", "version=2 digit=3", "visitor=…"
    facet = columns.Text(partition_key=True)
    grain = columns.Text(partition_key=True)  # the layout of the bucket
    month = columns.Text(partition_key=True)
    starts_at = columns.DateTime(primary_key=True, clustering_order="DESC")

    class Meta:
        app_label = APP
        get_pk_field = "starts_at"
        verbose_name = "bucket"


class CatalogRow(DjangoCassandraModel):
    """An index row: a layout of buckets or model version ever used, or a month that has buckets."""

    __connection__ = ALIAS
    __keyspace__ = KEYSPACE
    __table_name__ = "record_catalog"

    kind = columns.Text(partition_key=True)
    value = columns.Text(primary_key=True, clustering_order="DESC")

    class Meta:
        app_label = APP
        get_pk_field = "value"
        verbose_name = "catalog entry"


TABLES: Sequence[Any] = (RecordRow, PictureRow, BucketRow, CatalogRow)


class SpooledEvent(models.Model):
    """An insert, correction or deletion of a record that Cassandra has not taken yet."""

    class Kind(models.TextChoices):
        APPEND = "append"
        CORRECT = "correct"
        DELETE = "delete"

    id = models.BigAutoField(primary_key=True)  # the order in which they are replayed
    kind = models.CharField(max_length=8, choices=Kind.choices)
    record_id = models.UUIDField(db_index=True)
    happened_at = models.DateTimeField()  # decides between two events on one record
    document = models.JSONField(default=dict)  # the record without its pictures, or the correction
    instance = models.BinaryField(default=bytes)
    picture = models.BinaryField(default=bytes)
    refusals = models.PositiveIntegerField(default=0)
    refused_because = models.TextField(blank=True)
    not_before = models.DateTimeField(null=True, blank=True)  # set for a refused event

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        app_label = APP
        db_table = "record_spool"
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}"


class Lease(models.Model):
    """A row of `webui.leases`: the one process that may do a job now."""

    name = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=64, blank=True)
    until = models.DateTimeField()

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        app_label = APP
        db_table = "record_lease"

    def __str__(self) -> str:
        return f"{self.name} held by {self.holder or 'nobody'}"


class CopyProgress(models.Model):
    """The progress of `copy_records`, from which it is resumed."""

    keyspace = models.CharField(max_length=48, primary_key=True)
    last_predicted_at = models.DateTimeField()
    last_id = models.UUIDField()
    copied = models.PositiveBigIntegerField(default=0)
    grain = models.CharField(max_length=16)  # layout of buckets of the first run

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        app_label = APP
        db_table = "record_copy_progress"

    def __str__(self) -> str:
        return f"{self.copied} records copied to {self.keyspace}"
