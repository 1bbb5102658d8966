"""Copies records of the database store into Cassandra, oldest first, and saves its progress."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q, QuerySet

from webui.records.models import Record
from webui.records_cassandra.models import CopyProgress
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.bucket_width import UNIX_EPOCH
from webui.records_cassandra.tables.writer import RecordWriter

BATCH = 200


class RecordCopy:
    """A copy from the default database into one keyspace; if interrupted, it can be resumed.

    Args:
        layout: of new buckets, for the first run. Later runs keep that of the first, since
            a batch may be copied again after the setting was changed.
    """

    def __init__(self, writer: RecordWriter, *, keyspace: str, layout: BucketLayout) -> None:
        self._writer = writer
        self.progress, _created = CopyProgress.objects.get_or_create(
            keyspace=keyspace,
            defaults={
                "last_predicted_at": UNIX_EPOCH,
                "last_id": UUID(int=0),
                "grain": str(layout),
            },
        )

    def remaining(self) -> int:
        return self._remaining().count()

    def _remaining(self) -> QuerySet[Record]:
        at, last_id = self.progress.last_predicted_at, self.progress.last_id
        later = Q(predicted_at__gt=at) | Q(predicted_at=at, id__gt=last_id)
        return Record.objects.filter(later).order_by("predicted_at", "id")

    def run(self) -> Iterator[int]:
        """Copies the remaining records; yields the size of each batch once it is stored.

        Records keep their ids, so copying one twice has the effect of copying it once.

        Raises:
            StoreUnavailable: Cassandra does not take a batch; earlier batches are saved.
        """
        layout = BucketLayout.parse(self.progress.grain)
        while batch := list(self._remaining()[:BATCH]):
            for problem in self._writer.write_many([(record, layout) for record in batch]):
                if problem is not None:
                    raise problem
            self.progress.last_predicted_at = batch[-1].predicted_at
            self.progress.last_id = batch[-1].id
            self.progress.copied += len(batch)
            self.progress.save()
            yield len(batch)
