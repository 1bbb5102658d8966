"""The shape of a record, the same in every store.

`Record` is an ordinary Django model: with the embedded store it is a table of the default
database; with Cassandra it is only the shape that the admin, the API and the store hand to
each other, and rows live in keyspace `mnist_key` (see `webui/records_cassandra`).
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
    """What the site says about a drawing."""

    DIGIT = "digit", "digit"
    UNSURE = "unsure", "unsure"
    NOT_A_DIGIT = NOT_A_DIGIT, "not a digit"


# What a person may say was really drawn.
LABELS = (*(str(digit) for digit in range(10)), NOT_A_DIGIT)


def new_record_id() -> uuid.UUID:
    """A version-1 UUID of this instant, made by the site before anything is stored.

    Its node is random (RFC 9562, 6.10) rather than a hardware address: it tells nothing of
    the machine, and two processes never make the same one. Since it names its own instant,
    a store can find the record's partition from the id alone, and writing it twice is
    writing it once.
    """
    node = secrets.randbits(48) | 0x010000000000  # multicast bit: not a hardware address
    return uuid.uuid1(node=node, clock_seq=secrets.randbits(14))


def instant_of(record_id: uuid.UUID) -> datetime:
    """The UTC instant that a version-1 UUID names, to the microsecond.

    Raises:
        ValueError: if the UUID is of another version and so names no instant.
    """
    if record_id.version != 1:
        raise ValueError(
            f"{record_id} is a version-{record_id.version} UUID; record ids are version 1"
        )
    return GREGORIAN_EPOCH + timedelta(microseconds=record_id.time // 10)


class Record(models.Model):
    """One prediction: what was drawn, what was answered, by which model version, when."""

    id = models.UUIDField(primary_key=True, default=new_record_id, editable=False)
    # Derived from the id (`instant_of`); kept so that it can be read, indexed and filtered.
    predicted_at = models.DateTimeField("predicted at (UTC)")
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    # The likeliest digit, also when the verdict is "unsure"; none when it is "not a digit".
    digit = models.PositiveSmallIntegerField(null=True, blank=True)
    confidence = models.FloatField()
    probabilities = models.JSONField()  # 10 or 11 floats: digits 0..9, then "not a digit"
    model_name = models.CharField(max_length=100)
    model_version = models.PositiveBigIntegerField()  # the version that answered
    model_label = models.CharField(max_length=100)
    latency_ms = models.FloatField()  # the model server's answer, as the site waited for it
    visitor = models.CharField(max_length=64, blank=True)  # a hash, never the cookie itself
    corrected_label = models.CharField(max_length=16, blank=True)  # "0".."9" or "not_a_digit"
    corrected_at = models.DateTimeField(null=True, blank=True)
    corrected_by = models.CharField(max_length=150, blank=True)
    instance = models.BinaryField()  # what the model saw: 784 bytes, row by row, 0..255, ink 255
    picture = models.BinaryField()  # what the visitor sent, as it came: PNG, JPEG or WebP
    ink = models.JSONField(null=True, blank=True)  # [[[x, y, t_ms], …], …] when the page sent it

    class Meta:
        db_table = "record_data"
        ordering = NEWEST_FIRST
        # One for each combination of filters, so that a page reads its own rows and no others,
        # however rare they are. They add about a tenth to a record with its picture.
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
        )

    def __str__(self) -> str:
        said = self.verdict if self.digit is None else str(self.digit)
        return f"{said} at {self.predicted_at:%Y-%m-%d %H:%M:%S} UTC"
