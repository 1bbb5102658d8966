"""The text of every statement that the store prepares; each docstring lists its parameters.

None needs ALLOW FILTERING: a filter is answered by the indexes of its columns, within one
partition. Every write carries the timestamp of its event (USING TIMESTAMP) and a time to live,
so that an insert that arrives late or twice neither doubles a record, nor overwrites its
correction, nor revives it after a deletion.
"""

# ruff: noqa: S608 - values are bound; the keyspace is checked to be an identifier, and the
# column names are constants.

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from webui.records_cassandra.tables.rows import CORRECTION_COLUMNS, RECORD_COLUMNS

# The write timestamp of a correction is exact to the microsecond, a timestamp column only to
# the millisecond.
_CORRECTED_TIMESTAMP = "WRITETIME(corrected_label) AS corrected_timestamp"
_READ = ", ".join(("id", *RECORD_COLUMNS, *CORRECTION_COLUMNS, _CORRECTED_TIMESTAMP))


@dataclass(frozen=True)
class Statements:
    """The statements for one keyspace."""

    keyspace: str

    @cached_property
    def insert_record(self) -> str:
        """bucket, id, RECORD_COLUMNS, timestamp, ttl"""
        names = ", ".join(("bucket", "id", *RECORD_COLUMNS))
        placeholders = ", ".join("?" * (2 + len(RECORD_COLUMNS)))
        return (
            f"INSERT INTO {self.keyspace}.record_data ({names}) VALUES ({placeholders}) "
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
        """bucket, id above, id below, then a value for each column in `filtered_by`

        `oldest_first` works only without filters: when Cassandra reads through an index, it
        cannot reverse the table's order.
        """
        filters = "".join(f" AND {column} = ?" for column in filtered_by)
        order_by = " ORDER BY id ASC" if oldest_first else ""
        return (
            f"SELECT {_READ} FROM {self.keyspace}.record_data "
            f"WHERE bucket = ? AND id > ? AND id < ?{filters}{order_by}"
        )

    def read_buckets(self, *, oldest_first: bool) -> str:
        """facet, grain, month, earliest start, latest start"""
        order_by = " ORDER BY starts_at ASC" if oldest_first else ""
        return (
            f"SELECT starts_at FROM {self.keyspace}.record_buckets "
            "WHERE facet = ? AND grain = ? AND month = ? "
            f"AND starts_at >= ? AND starts_at <= ?{order_by}"
        )

    @cached_property
    def read_catalog(self) -> str:
        """kind"""
        return f"SELECT value FROM {self.keyspace}.record_catalog WHERE kind = ?"

    @cached_property
    def read_catalog_of_kinds(self) -> str:
        """list of kinds"""
        return f"SELECT value FROM {self.keyspace}.record_catalog WHERE kind IN ?"
