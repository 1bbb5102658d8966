"""The tables of keyspace `mnist_key`, and what the default database keeps beside them.

The tables are DjangoCassandraModels: `sync_records` makes them from these classes, and
`RecordRow.objects` reads them in a shell. The store itself writes and reads with prepared
statements (`statements.py`), which take half the time and never filter without an index.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from cassandra.cqlengine import columns
from django.conf import settings
from django.db import models
from django_cassandra_engine.models import DjangoCassandraModel

from webui.records_cassandra.configuration import ALIAS

# Named, so that the classes can be imported where the app is not installed, as in most tests.
APP = "records_cassandra"
KEYSPACE = settings.CASSANDRA.keyspace if settings.CASSANDRA else "mnist_key"


class RecordRow(DjangoCassandraModel):
    """One prediction, as `select * from record_data` shows it: no pictures, plain columns.

    The partition is a span of time (`buckets.py`), newest record first. A correction sets
    its three columns and touches no other.
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


# Columns that filters ask for. Several in one question are answered together, always within
# one partition, so that no statement needs ALLOW FILTERING.
INDEXED_COLUMNS: Sequence[str] = ("digit", "verdict", "model_version")


class PictureRow(DjangoCassandraModel):
    """What was drawn and what the model saw; a small partition for each record."""

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
    """A bucket that holds records of a facet; what paging walks, newest first.

    Written before the first such record of the bucket, so that no crash can hide a record.
    """

    __connection__ = ALIAS
    __keyspace__ = KEYSPACE
    __table_name__ = "record_buckets"

    facet = columns.Text(partition_key=True)  # "all", "version=2", "version=2 digit=3", …
    grain = columns.Text(partition_key=True)
    month = columns.Text(partition_key=True)
    starts_at = columns.DateTime(primary_key=True, clustering_order="DESC")

    class Meta:
        app_label = APP
        get_pk_field = "starts_at"
        verbose_name = "bucket"


class CatalogRow(DjangoCassandraModel):
    """The few names that are known: grains ever used, model versions, months of a facet."""

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
    """Something that happened to a record and that Cassandra has not taken yet."""

    class Kind(models.TextChoices):
        APPEND = "append"
        CORRECT = "correct"
        DELETE = "delete"

    id = models.BigAutoField(primary_key=True)  # the order in which they are moved
    kind = models.CharField(max_length=8, choices=Kind.choices)
    record_id = models.UUIDField(db_index=True)
    happened_at = models.DateTimeField()  # which of two events on a record is the later one
    document = models.JSONField(default=dict)  # the record without its pictures; or the label
    instance = models.BinaryField(default=bytes)
    picture = models.BinaryField(default=bytes)
    refusals = models.PositiveIntegerField(default=0)
    refused_because = models.TextField(blank=True)
    not_before = models.DateTimeField(null=True, blank=True)  # a refused one waits longer

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        app_label = APP
        db_table = "record_spool"
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}"


class Lease(models.Model):
    """Who alone may do something now: one process of one machine, until it lets go or dies."""

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
    """How far `copy_records` came, so that it goes on there when it is run again."""

    keyspace = models.CharField(max_length=48, primary_key=True)
    last_predicted_at = models.DateTimeField()
    last_id = models.UUIDField()
    copied = models.PositiveBigIntegerField(default=0)
    grain = models.CharField(max_length=16)  # one id always goes to one bucket, whatever changes

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        app_label = APP
        db_table = "record_copy_progress"

    def __str__(self) -> str:
        return f"{self.copied} records copied to {self.keyspace}"
