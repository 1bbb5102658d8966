"""The record of a prediction, the same in every store.

`Record` is an ordinary Django model. The database store keeps it in a table of the default
database. With Cassandra it is only passed between the admin, the API and the store, and its
rows are in keyspace `mnist_key` (see `webui/records_cassandra`).
"""

import secrets
import uuid
from datetime import UTC, datetime, timedelta

from django.db import models

from serving.verdict import NOT_A_DIGIT

# RFC 9562, 5.1: a version-1 UUID counts 100 ns ticks since the Gregorian reform.
GREGORIAN_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)

NEWEST_FIRST = ("-predicted_at", "-id")


class Verdict(models.TextChoices):
    """The verdict on a drawing."""

    DIGIT = "digit", "digit"
    UNSURE = "unsure", "unsure"
    NOT_A_DIGIT = NOT_A_DIGIT, "not a digit"


# The labels that a correction can have.
LABELS = (*(str(digit) for digit in range(10)), NOT_A_DIGIT)


def new_record_id() -> uuid.UUID:
    """Returns a version-1 UUID of this instant; the site makes it before anything is stored.

    Its node is random (RFC 9562, 6.10) rather than a hardware address, so it reveals nothing
    about the machine, and two processes do not make the same one. Since it contains its own
    instant, a store can find the record's partition from the id alone, and writing a record
    twice has the effect of writing it once.
    """
    node = secrets.randbits(48) | 0x010000000000  # multicast bit: not a hardware address
    return uuid.uuid1(node=node, clock_seq=secrets.randbits(14))


def instant_of(record_id: uuid.UUID) -> datetime:
    """Returns the UTC instant of a version-1 UUID, to the microsecond.

    Raises:
        ValueError: the UUID is of another version and contains no instant.
    """
    if record_id.version != 1:
        raise ValueError(
            f"{record_id} is a version-{record_id.version} UUID; record ids are version 1"
        )
    return GREGORIAN_EPOCH + timedelta(microseconds=record_id.time // 10)


class Record(models.Model):
    """A prediction: the drawing, the answer, the model version and the time."""

    id = models.UUIDField(primary_key=True, default=new_record_id, editable=False)
    # Follows from the id (`instant_of`); a column so that it can be indexed and filtered.
    predicted_at = models.DateTimeField("predicted at (UTC)")
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    # The most likely digit, also when the verdict is "unsure"; NULL when it is "not a digit".
    digit = models.PositiveSmallIntegerField(null=True, blank=True)
    confidence = models.FloatField()
    probabilities = models.JSONField()  # 10 or 11 floats: digits 0..9, then "not a digit"
    model_name = models.CharField(max_length=100)
    model_version = models.PositiveBigIntegerField()  # the version that answered
    model_label = models.CharField(max_length=100)
    latency_ms = models.FloatField()  # time that the site waited for the model server
    visitor = models.CharField(max_length=64, blank=True)  # a hash, never the cookie itself
    corrected_label = models.CharField(max_length=16, blank=True)  # "0".."9" or "not_a_digit"
    corrected_at = models.DateTimeField(null=True, blank=True)
    corrected_by = models.CharField(max_length=150, blank=True)
    instance = models.BinaryField()  # the model's input: 784 bytes, row by row, 0..255, ink 255
    picture = models.BinaryField()  # PNG, JPEG or WebP, without its metadata
    ink = models.JSONField(null=True, blank=True)  # [[[x, y, t_ms], …], …] if it was sent

    class Meta:
        db_table = "record_data"
        ordering = NEWEST_FIRST
        # One for each combination of filters, so that a page reads only its own rows, however
        # rare they are. Together they add about a tenth to the size of a record.
        indexes = (
            models.Index(fields=(*NEWEST_FIRST,), name="record_newest"),
            models.Index(fields=("digit", *NEWEST_FIRST), name="record_by_digit"),
            models.Index(fields=("verdict", *NEWEST_FIRST), name="record_by_verdict"),
            models.Index(fields=("model_version", *NEWEST_FIRST), name="record_by_version"),
            models.Index(fields=("digit", "verdict", *NEWEST_FIRST), name="record_by_d_v"),
            models.Index(fields=("digit", "model_version", *NEWEST_FIRST), name="record_by_d_m"),
            models.Index(fields=("verdict", "model_version", *NEWEST_FIRST), name="record_by_v_m"),
            models.Index(
                fields=("digit", "verdict", "model_version", *NEWEST_FIRST), name="record_by_d_v_m"
            ),
            # A visitor has few records, so one index serves whatever else is filtered.
            models.Index(fields=("visitor", *NEWEST_FIRST), name="record_by_visitor"),
        )

    def __str__(self) -> str:
        predicted = self.verdict if self.digit is None else str(self.digit)
        return f"{predicted} at {self.predicted_at:%Y-%m-%d %H:%M:%S} UTC"


class Pruning(models.Model):
    """The progress of `webui.records.pruning`, and the lease of the process that does it."""

    name = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=64, blank=True)
    until = models.DateTimeField()
    ran_at = models.DateTimeField(null=True, blank=True)
    # Records of predictions before it have no pictures any more.
    pictures_removed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "record_pruning"

    def __str__(self) -> str:
        return f"{self.name}, last at {self.ran_at}" if self.ran_at else self.name
