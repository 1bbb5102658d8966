"""How long a time bucket is, and its name.

Names are ISO 8601 with reduced precision, which says the length by itself: `2026-11-23` is a
day, `2026-11-23T21` an hour, `2026-11-23T21:43` a minute, and ten minutes are an interval,
`2026-11-23T21:40/PT10M`.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Grain(StrEnum):
    """How long a bucket is; as CASSANDRA_BUCKET names it."""

    DAY = "day"
    HOUR = "hour"
    TEN_MINUTES = "10min"
    MINUTE = "minute"

    @property
    def length(self) -> timedelta:
        return _LENGTHS[self]

    def start(self, instant: datetime) -> datetime:
        """The start of the bucket that holds an instant; buckets lie on UTC boundaries."""
        return instant - (instant - UNIX_EPOCH) % self.length

    def bucket(self, start: datetime) -> str:
        """The partition key of the bucket that starts there."""
        return start.strftime(_FORMATS[self])


_LENGTHS = {
    Grain.DAY: timedelta(days=1),
    Grain.HOUR: timedelta(hours=1),
    Grain.TEN_MINUTES: timedelta(minutes=10),
    Grain.MINUTE: timedelta(minutes=1),
}
_FORMATS = {
    Grain.DAY: "%Y-%m-%d",
    Grain.HOUR: "%Y-%m-%dT%H",
    Grain.TEN_MINUTES: "%Y-%m-%dT%H:%M/PT10M",
    Grain.MINUTE: "%Y-%m-%dT%H:%M",
}
