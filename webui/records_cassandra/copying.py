"""Copies records of the embedded store into Cassandra, oldest first, and notes how far it came."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q, QuerySet

from webui.records.models import Record
from webui.records_cassandra.grain import UNIX_EPOCH, Grain
from webui.records_cassandra.models import CopyProgress
from webui.records_cassandra.tables import Tables

BATCH = 200


class Copy:
    """One copy from the default database into one keyspace; broken off, it goes on later."""

    def __init__(self, tables: Tables, *, keyspace: str) -> None:
        self._tables = tables
        # Noted before the first write: the length of the time buckets stays that of the
        # first run, for a batch may be copied again after the setting was changed.
        self.progress, _new = CopyProgress.objects.get_or_create(
            keyspace=keyspace,
            defaults={
                "last_predicted_at": UNIX_EPOCH,
                "last_id": UUID(int=0),
                "grain": tables.settings.bucket.value,
            },
        )

    def left(self) -> int:
        return self._left().count()

    def _left(self) -> QuerySet[Record]:
        at, last_id = self.progress.last_predicted_at, self.progress.last_id
        later = Q(predicted_at__gt=at) | Q(predicted_at=at, id__gt=last_id)
        return Record.objects.filter(later).order_by("predicted_at", "id")

    def run(self) -> Iterator[int]:
        """Copies what is left; the size of each batch once it is safe.

        Records keep their ids, so copying one twice copies it once.

        Raises:
            StoreUnavailable: if Cassandra does not take a batch; what was copied is noted.
        """
        grain = Grain(self.progress.grain)
        while batch := list(self._left()[:BATCH]):
            for problem in self._tables.write_many([(record, grain) for record in batch]):
                if problem is not None:
                    raise problem
            self.progress.last_predicted_at = batch[-1].predicted_at
            self.progress.last_id = batch[-1].id
            self.progress.copied += len(batch)
            self.progress.save()
            yield len(batch)
