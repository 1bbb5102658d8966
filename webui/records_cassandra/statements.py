"""Every statement that the store sends, as prepared-statement text.

None needs ALLOW FILTERING: a filter is answered by the indexes of its columns, within one
partition. Every write names its own instant (USING TIMESTAMP) and its time to live, so that
an insert that comes late or twice neither doubles a record, nor overwrites its correction,
nor brings it back after it was deleted.
"""

# ruff: noqa: S608 - values are bound; the keyspace is checked to be an identifier, the columns
# are ours.

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from webui.records_cassandra.rows import CORRECTION_COLUMNS, RECORD_COLUMNS

# A correction's stamp is its instant to the microsecond; a timestamp column ends at milliseconds.
_STAMP = "WRITETIME(corrected_label) AS corrected_stamp"
_READ = ", ".join(("id", *RECORD_COLUMNS, *CORRECTION_COLUMNS, _STAMP))


@dataclass(frozen=True)
class Statements:
    """CQL for one keyspace."""

    keyspace: str

    @cached_property
    def insert_record(self) -> str:
        """bucket, id, RECORD_COLUMNS, timestamp, ttl"""
        names = ", ".join(("bucket", "id", *RECORD_COLUMNS))
        marks = ", ".join("?" * (2 + len(RECORD_COLUMNS)))
        return (
            f"INSERT INTO {self.keyspace}.record_data ({names}) VALUES ({marks}) "
            "USING TIMESTAMP ? AND TTL ?"
        )

    @cached_property
    def insert_instance(self) -> str:
        """id, instance, timestamp, ttl"""
        return (
            f"INSERT INTO {self.keyspace}.record_pictures (id, instance) VALUES (?, ?) "
            "USING TIMESTAMP ? AND TTL ?"
        )

    @cached_property
    def insert_picture(self) -> str:
        """id, picture, ink, timestamp, ttl"""
        return (
            f"INSERT INTO {self.keyspace}.record_pictures (id, picture, ink) VALUES (?, ?, ?) "
            "USING TIMESTAMP ? AND TTL ?"
        )

    @cached_property
    def insert_bucket(self) -> str:
        """facet, grain, month, starts_at, timestamp, ttl"""
        return (
            f"INSERT INTO {self.keyspace}.record_buckets (facet, grain, month, starts_at) "
            "VALUES (?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?"
        )

    @cached_property
    def insert_catalog(self) -> str:
        """kind, value, timestamp, ttl"""
        return (
            f"INSERT INTO {self.keyspace}.record_catalog (kind, value) VALUES (?, ?) "
            "USING TIMESTAMP ? AND TTL ?"
        )

    @cached_property
    def correct(self) -> str:
        """timestamp, ttl, label, at, by, bucket, id"""
        return (
            f"UPDATE {self.keyspace}.record_data USING TIMESTAMP ? AND TTL ? "
            "SET corrected_label = ?, corrected_at = ?, corrected_by = ? "
            "WHERE bucket = ? AND id = ?"
        )

    @cached_property
    def delete_record(self) -> str:
        """timestamp, bucket, id"""
        return (
            f"DELETE FROM {self.keyspace}.record_data USING TIMESTAMP ? WHERE bucket = ? AND id = ?"
        )

    @cached_property
    def delete_pictures(self) -> str:
        """timestamp, id"""
        return f"DELETE FROM {self.keyspace}.record_pictures USING TIMESTAMP ? WHERE id = ?"

    @cached_property
    def read_record(self) -> str:
        """bucket, id"""
        return f"SELECT {_READ} FROM {self.keyspace}.record_data WHERE bucket = ? AND id = ?"

    @cached_property
    def read_pictures(self) -> str:
        """id"""
        return f"SELECT instance, picture, ink FROM {self.keyspace}.record_pictures WHERE id = ?"

    @cached_property
    def read_instance(self) -> str:
        """id"""
        return f"SELECT instance FROM {self.keyspace}.record_pictures WHERE id = ?"

    def read_bucket(self, filtered_by: Sequence[str] = (), *, oldest_first: bool = False) -> str:
        """bucket, id above, id below, then a value for each column filtered by.

        Oldest first goes without filters only: Cassandra keeps no order but the table's own
        when it reads through an index.
        """
        filters = "".join(f" AND {column} = ?" for column in filtered_by)
        turned = " ORDER BY id ASC" if oldest_first else ""
        return (
            f"SELECT {_READ} FROM {self.keyspace}.record_data "
            f"WHERE bucket = ? AND id > ? AND id < ?{filters}{turned}"
        )

    def read_buckets(self, *, oldest_first: bool) -> str:
        """facet, grain, month, earliest start, latest start"""
        turned = " ORDER BY starts_at ASC" if oldest_first else ""
        return (
            f"SELECT starts_at FROM {self.keyspace}.record_buckets "
            "WHERE facet = ? AND grain = ? AND month = ? "
            f"AND starts_at >= ? AND starts_at <= ?{turned}"
        )

    @cached_property
    def read_catalog(self) -> str:
        """kind"""
        return f"SELECT value FROM {self.keyspace}.record_catalog WHERE kind = ?"
