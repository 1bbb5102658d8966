"""Time buckets: which partition a record lies in, and how a reader finds it again.

A partition holds the records of one span of time, so that it stays under 100 MB. How long
the span is (the grain) can be changed while records are there: a bucket's name says its own
grain, the grains ever used are noted, and readers look through all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

from webui.records.models import GREGORIAN_EPOCH, instant_of
from webui.records_cassandra.grain import UNIX_EPOCH, Grain

TICKS_PER_MICROSECOND = 10  # a version-1 UUID counts 100 ns
# Cassandra orders timeuuids by their tick, then by their last eight bytes as signed ones:
# 0x80 in each is the smallest, 0x7f the largest.
SMALLEST_TAIL = 0x8080808080808080
LARGEST_TAIL = 0x7F7F7F7F7F7F7F7F
END_OF_TIME = datetime(5000, 1, 1, tzinfo=UTC)
LAST_TICK = (1 << 60) - 1  # of the year 5236
SIGN_BITS = 0x8080808080808080


def bucket_of(record_id: UUID, grain: Grain) -> str:
    """The partition that holds a record written at this grain; from the id alone."""
    return grain.bucket(grain.start(instant_of(record_id)))


def month_of(start: datetime) -> str:
    """The partition of the bucket index that a bucket is noted in, like `2026-11`."""
    return start.strftime("%Y-%m")


def order(record_id: UUID) -> tuple[int, int]:
    """What Cassandra sorts timeuuids by, so that merged lists are sorted alike."""
    return record_id.time, (record_id.int & 0xFFFFFFFFFFFFFFFF) ^ SIGN_BITS


def ticks_of(instant: datetime) -> int:
    """The tick, as version-1 UUIDs count them, at which an instant begins."""
    return (instant - GREGORIAN_EPOCH) // timedelta(microseconds=1) * TICKS_PER_MICROSECOND


def instant_at(ticks: int) -> datetime:
    """The instant of a tick, kept within the years in which records can lie."""
    first, last = ticks_of(UNIX_EPOCH), ticks_of(END_OF_TIME)
    microseconds = min(max(ticks, first), last) // TICKS_PER_MICROSECOND
    return GREGORIAN_EPOCH + timedelta(microseconds=microseconds)


def smallest_id(ticks: int) -> UUID:
    """The first id, in Cassandra's order, of that tick."""
    return _id_of(ticks, SMALLEST_TAIL)


def largest_id(ticks: int) -> UUID:
    """The last id, in Cassandra's order, of that tick."""
    return _id_of(ticks, LARGEST_TAIL)


def _id_of(ticks: int, tail: int) -> UUID:
    ticks = min(max(ticks, 0), LAST_TICK)
    time_low = ticks & 0xFFFFFFFF
    time_mid = (ticks >> 32) & 0xFFFF
    time_high_version = (ticks >> 48) | 0x1000
    return UUID(int=(time_low << 32 | time_mid << 16 | time_high_version) << 64 | tail)


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A combination of filters under which a bucket is noted.

    The bucket index has a list per facet, so that a filter walks the buckets that hold
    matching records and no others, however rare they are.
    """

    model_version: int | None = None
    digit: int | None = None
    verdict: str | None = None

    def __str__(self) -> str:
        named = (
            ("version", self.model_version),
            ("digit", self.digit),
            ("verdict", self.verdict),
        )
        return " ".join(f"{name}={value}" for name, value in named if value is not None) or "all"


def facets_of(*, model_version: int, digit: int | None, verdict: str) -> Iterator[Facet]:
    """Every facet that a record belongs to: with and without each of its values."""
    digits = (None,) if digit is None else (None, digit)
    for version, some_digit, some_verdict in product(
        (None, model_version), digits, (None, verdict)
    ):
        yield Facet(model_version=version, digit=some_digit, verdict=some_verdict)
