"""The text of every statement that the store prepares, with its parameters in order.

None needs ALLOW FILTERING: a filter is answered by the indexes of its columns, within one
partition. Every write carries the timestamp of its event (USING TIMESTAMP) and a time to live,
so that an insert that arrives late or twice neither doubles a record, nor overwrites its
correction, nor revives it after a deletion.
"""

# ruff: noqa: S608 - values are bound; the keyspace is checked to be an identifier, and the
# column names are constants.

from collections.abc import Sequence

from webui.records_cassandra.tables.rows import CORRECTION_COLUMNS, RECORD_COLUMNS

# The write timestamp of a correction is exact to the microsecond, a timestamp column only to
# the millisecond.
_CORRECTED_TIMESTAMP = "WRITETIME(corrected_label) AS corrected_timestamp"
_READ = ", ".join(("id", *RECORD_COLUMNS, *CORRECTION_COLUMNS, _CORRECTED_TIMESTAMP))


class Statements:
    """The statements for one keyspace; the comment above each lists its parameters in order."""

    def __init__(self, keyspace: str) -> None:
        self._keyspace = keyspace
        # bucket, id, RECORD_COLUMNS, timestamp, ttl
        names = ", ".join(("bucket", "id", *RECORD_COLUMNS))
        placeholders = ", ".join("?" * (2 + len(RECORD_COLUMNS)))
        self.insert_record = (
            f"INSERT INTO {keyspace}.record_data ({names}) VALUES ({placeholders}) "
            "USING TIMESTAMP ? AND TTL ?"
        )
        # id, instance, timestamp, ttl
        self.insert_instance = (
            f"INSERT INTO {keyspace}.record_pictures (id, instance) VALUES (?, ?) "
            "USING TIMESTAMP ? AND TTL ?"
        )
        # id, picture, ink, timestamp, ttl
        self.insert_picture = (
            f"INSERT INTO {keyspace}.record_pictures (id, picture, ink) VALUES (?, ?, ?) "
            "USING TIMESTAMP ? AND TTL ?"
        )
        # facet, grain, month, starts_at, timestamp, ttl
        self.insert_bucket = (
            f"INSERT INTO {keyspace}.record_buckets (facet, grain, month, starts_at) "
            "VALUES (?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?"
        )
        # kind, value, timestamp, ttl
        self.insert_catalog = (
            f"INSERT INTO {keyspace}.record_catalog (kind, value) VALUES (?, ?) "
            "USING TIMESTAMP ? AND TTL ?"
        )
        # timestamp, ttl, label, at, by, bucket, id
        self.correct = (
            f"UPDATE {keyspace}.record_data USING TIMESTAMP ? AND TTL ? "
            "SET corrected_label = ?, corrected_at = ?, corrected_by = ? "
            "WHERE bucket = ? AND id = ?"
        )
        # timestamp, bucket, id
        self.delete_record = (
            f"DELETE FROM {keyspace}.record_data USING TIMESTAMP ? WHERE bucket = ? AND id = ?"
        )
        # timestamp, id
        self.delete_pictures = (
            f"DELETE FROM {keyspace}.record_pictures USING TIMESTAMP ? WHERE id = ?"
        )
        # bucket, id
        self.read_record = f"SELECT {_READ} FROM {keyspace}.record_data WHERE bucket = ? AND id = ?"
        # id
        self.read_pictures = (
            f"SELECT instance, picture, ink FROM {keyspace}.record_pictures WHERE id = ?"
        )
        # id
        self.read_instance = f"SELECT instance FROM {keyspace}.record_pictures WHERE id = ?"
        # kind
        self.read_catalog = f"SELECT value FROM {keyspace}.record_catalog WHERE kind = ?"
        # list of kinds
        self.read_catalog_of_kinds = f"SELECT value FROM {keyspace}.record_catalog WHERE kind IN ?"

    def read_bucket(self, filtered_by: Sequence[str] = (), *, oldest_first: bool = False) -> str:
        """Parameters: bucket, id above, id below, a value for each column in `filtered_by`.

        `oldest_first` works only without filters: when Cassandra reads through an index, it
        cannot reverse the table's order.
        """
        filters = "".join(f" AND {column} = ?" for column in filtered_by)
        order_by = " ORDER BY id ASC" if oldest_first else ""
        return (
            f"SELECT {_READ} FROM {self._keyspace}.record_data "
            f"WHERE bucket = ? AND id > ? AND id < ?{filters}{order_by}"
        )

    def read_buckets(self, *, oldest_first: bool) -> str:
        """Parameters: facet, grain, month, earliest start, latest start."""
        order_by = " ORDER BY starts_at ASC" if oldest_first else ""
        return (
            f"SELECT starts_at FROM {self._keyspace}.record_buckets "
            "WHERE facet = ? AND grain = ? AND month = ? "
            f"AND starts_at >= ? AND starts_at <= ?{order_by}"
        )
