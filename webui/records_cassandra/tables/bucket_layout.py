"""How records are divided among partitions: the width of a time bucket, and its shards.

`webui.settings` imports this module, so it must need neither settings nor models.
"""

import zlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from webui.records_cassandra.tables.bucket_width import BucketWidth

MOST_SHARDS = 64


@dataclass(frozen=True, order=True)
class BucketLayout:
    """A bucket width, and the number of partitions that share the records of a bucket.

    With one shard, a bucket is one partition, so all inserts of a moment go to the same nodes.
    The partition key names the number of shards, so layouts never share a partition.
    """

    width: BucketWidth = BucketWidth.TEN_MINUTES  # under 100 MB at ten million records a day
    shards: int = 1

    def __str__(self) -> str:
        """`10min`, or `10min#16` with shards: part of keys in Cassandra."""
        return self.width.value if self.shards == 1 else f"{self.width.value}#{self.shards}"

    @classmethod
    def parse(cls, text: str) -> "BucketLayout":
        width, _, shards = text.partition("#")
        return cls(BucketWidth(width), int(shards or 1))

    def partition_keys(self, start: datetime) -> list[str]:
        """Returns the partitions of the bucket that starts then, in `record_data`."""
        return [self._partition_key(start, shard) for shard in range(self.shards)]

    def partition_key_of(self, record_id: UUID, instant: datetime) -> str:
        """Returns the partition of a record, which follows from its id and the instant in it."""
        shard = zlib.crc32(record_id.bytes) % self.shards
        return self._partition_key(self.width.start(instant), shard)

    def _partition_key(self, start: datetime, shard: int) -> str:
        key = self.width.partition_key(start)
        return key if self.shards == 1 else f"{key}#{shard}/{self.shards}"
