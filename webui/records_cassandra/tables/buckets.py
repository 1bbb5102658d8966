"""Time buckets: the partitions of `record_data` that hold the records of one span of time.

A partition stays under 100 MB, because its span (the bucket width) is short, and because several
partitions can share a span (the shards). Both can be changed while records exist: a partition
key states them, every layout ever used is listed in `record_catalog`, and readers search all.
"""

from datetime import datetime
from uuid import UUID

from webui.records.models import instant_of
from webui.records_cassandra.tables.bucket_layout import BucketLayout


def partition_of(record_id: UUID, layout: BucketLayout) -> str:
    """Returns the partition of a record that was written with this layout."""
    return layout.partition_key_of(record_id, instant_of(record_id))


def month_of(start: datetime) -> str:
    """Returns the month, like `2026-11`, under which `record_buckets` lists a bucket."""
    return start.strftime("%Y-%m")
