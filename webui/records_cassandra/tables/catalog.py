"""The catalog: values that readers must know before they can ask for records."""

from collections.abc import Iterator

from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.cql.statements import Statements
from webui.records_cassandra.tables.bucket_width import BucketWidth
from webui.records_cassandra.tables.filter_combinations import FilterCombination

# Partition keys of `record_catalog`, column `kind`.
BUCKET_WIDTHS = "grain"
MODEL_VERSIONS = "model_version"


def months_kind(combination: FilterCombination, width: BucketWidth) -> str:
    """Returns the kind of the months with buckets: `months/10min/version=2 digit=3`."""
    return f"months/{width.value}/{combination}"


def legacy_months_kind(combination: FilterCombination, width: BucketWidth) -> str:
    """Returns the kind that earlier releases wrote; existing clusters still hold such rows."""
    return f"months of {width.value} buckets, {combination}"


class Catalog:
    """Reads the table `record_catalog`; remembers the bucket widths."""

    def __init__(self, session: CassandraSession, statements: Statements) -> None:
        self._session = session
        self._statements = statements
        self._bucket_widths: frozenset[BucketWidth] = frozenset()

    def bucket_widths(self, *, refresh: bool = False) -> frozenset[BucketWidth]:
        """Returns every bucket width ever used; asks Cassandra again with `refresh`.

        Raises:
            StoreUnavailable
        """
        if refresh or not self._bucket_widths:
            values = self._read(self._statements.read_catalog, BUCKET_WIDTHS)
            self._bucket_widths = frozenset(BucketWidth(value) for value in values)
        return self._bucket_widths

    def model_versions(self) -> list[int]:
        """Returns the model versions that records name, newest first."""
        values = self._read(self._statements.read_catalog, MODEL_VERSIONS)
        return sorted((int(value) for value in values), reverse=True)

    def months(self, combination: FilterCombination, width: BucketWidth) -> set[str]:
        """Returns the months, like `2026-11`, that have buckets of this width and combination."""
        kinds = [months_kind(combination, width), legacy_months_kind(combination, width)]
        return set(self._read(self._statements.read_catalog_of_kinds, kinds))

    def _read(self, statement: str, kind: str | list[str]) -> Iterator[str]:
        for row in self._session.execute(self._session.prepare(statement).bind((kind,))):
            yield row["value"]
