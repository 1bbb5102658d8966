"""The width of a time bucket, and the bucket's name.

Names are ISO 8601 with reduced precision, which states the width: `2026-11-23` is a day,
`2026-11-23T21` an hour, `2026-11-23T21:43` a minute, and ten minutes are an interval,
`2026-11-23T21:40/PT10M`.

`webui.settings` imports this module, so it must need neither settings nor models.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BucketWidth(StrEnum):
    """The width of a bucket, as CASSANDRA_BUCKET names it."""

    DAY = "day"
    HOUR = "hour"
    TEN_MINUTES = "10min"
    MINUTE = "minute"

    @property
    def duration(self) -> timedelta:
        return _DURATIONS[self]

    def start(self, instant: datetime) -> datetime:
        """Returns the start of the bucket that contains an instant; buckets start on UTC time."""
        return instant - (instant - UNIX_EPOCH) % self.duration

    def partition_key(self, start: datetime) -> str:
        """Returns the partition key in `record_data` of the bucket that starts then."""
        return start.strftime(_FORMATS[self])


_DURATIONS = {
    BucketWidth.DAY: timedelta(days=1),
    BucketWidth.HOUR: timedelta(hours=1),
    BucketWidth.TEN_MINUTES: timedelta(minutes=10),
    BucketWidth.MINUTE: timedelta(minutes=1),
}
_FORMATS = {
    BucketWidth.DAY: "%Y-%m-%d",
    BucketWidth.HOUR: "%Y-%m-%dT%H",
    BucketWidth.TEN_MINUTES: "%Y-%m-%dT%H:%M/PT10M",
    BucketWidth.MINUTE: "%Y-%m-%dT%H:%M",
}
