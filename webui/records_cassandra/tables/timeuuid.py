"""Ticks and order of version-1 UUIDs, as Cassandra's `timeuuid` type sorts them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from webui.records.models import GREGORIAN_EPOCH
from webui.records_cassandra.tables.bucket_width import UNIX_EPOCH

TICKS_PER_MICROSECOND = 10  # RFC 9562, 5.1: a version-1 UUID counts 100 ns
LAST_TICK = (1 << 60) - 1  # of the year 5236
END_OF_TIME = datetime(5000, 1, 1, tzinfo=UTC)
# Cassandra compares timeuuids by tick, then by their last eight bytes as signed bytes: 0x80 in
# each is the smallest, 0x7f the largest.
SMALLEST_TAIL = 0x8080808080808080
LARGEST_TAIL = 0x7F7F7F7F7F7F7F7F
SIGN_BITS = 0x8080808080808080


def sort_key(record_id: UUID) -> tuple[int, int]:
    """Returns a key that sorts ids as Cassandra does."""
    return record_id.time, (record_id.int & 0xFFFFFFFFFFFFFFFF) ^ SIGN_BITS


def ticks_of(instant: datetime) -> int:
    """Returns the first tick of an instant."""
    return (instant - GREGORIAN_EPOCH) // timedelta(microseconds=1) * TICKS_PER_MICROSECOND


def instant_at(ticks: int) -> datetime:
    """Returns the instant of a tick, clamped to 1970 … 5000, where buckets can start."""
    first, last = ticks_of(UNIX_EPOCH), ticks_of(END_OF_TIME)
    microseconds = min(max(ticks, first), last) // TICKS_PER_MICROSECOND
    return GREGORIAN_EPOCH + timedelta(microseconds=microseconds)


def unix_microseconds(record_id: UUID) -> int:
    """Returns the microseconds from 1970 to the id's instant: Cassandra's write timestamp."""
    return (record_id.time - ticks_of(UNIX_EPOCH)) // TICKS_PER_MICROSECOND


def smallest_id(ticks: int) -> UUID:
    """Returns the first id of a tick, in Cassandra's order."""
    return timeuuid(ticks, SMALLEST_TAIL)


def largest_id(ticks: int) -> UUID:
    """Returns the last id of a tick, in Cassandra's order."""
    return timeuuid(ticks, LARGEST_TAIL)


def timeuuid(ticks: int, tail: int) -> UUID:
    """Returns the version-1 UUID of a tick with these last eight bytes."""
    ticks = min(max(ticks, 0), LAST_TICK)
    time_low = ticks & 0xFFFFFFFF
    time_mid = (ticks >> 32) & 0xFFFF
    time_high_version = (ticks >> 48) | 0x1000
    return UUID(int=(time_low << 32 | time_mid << 16 | time_high_version) << 64 | tail)
