"""Time buckets: the partition of `record_data` that holds a record.

A partition holds the records of one span of time, so that it stays under 100 MB. The span (the
bucket width) can be changed while records exist: a bucket's name states its width, every width
ever used is listed in `record_catalog`, and readers search all of them.
"""

from datetime import datetime
from uuid import UUID

from webui.records.models import instant_of
from webui.records_cassandra.tables.bucket_width import BucketWidth


def bucket_of(record_id: UUID, width: BucketWidth) -> str:
    """Returns the partition of a record that was written with this bucket width."""
    return width.partition_key(width.start(instant_of(record_id)))


def month_of(start: datetime) -> str:
    """Returns the month, like `2026-11`, under which `record_buckets` lists a bucket."""
    return start.strftime("%Y-%m")
