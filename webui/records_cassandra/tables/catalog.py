"""The catalog: values that readers must know before they can ask for records."""

from collections.abc import Iterator

from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.cql.statements import Statements
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.filter_combinations import FilterCombination

# Partition keys of `record_catalog`, column `kind`.
LAYOUTS = "grain"
MODEL_VERSIONS = "model_version"


def months_kind(combination: FilterCombination, layout: BucketLayout) -> str:
    """Returns the kind of the months with buckets: `months/10min/version=2 digit=3`."""
    return f"months/{layout}/{combination}"


def legacy_months_kind(combination: FilterCombination, layout: BucketLayout) -> str:
    """Returns the kind that earlier releases wrote; existing clusters still hold such rows."""
    return f"months of {layout} buckets, {combination}"


class Catalog:
    """Reads the table `record_catalog`; remembers the layouts of buckets."""

    def __init__(self, session: CassandraSession, statements: Statements) -> None:
        self._session = session
        self._statements = statements
        self._layouts: frozenset[BucketLayout] = frozenset()

    def layouts(self, *, refresh: bool = False) -> frozenset[BucketLayout]:
        """Returns every layout of buckets ever used; asks Cassandra again with `refresh`.

        Raises:
            StoreUnavailable
        """
        if refresh or not self._layouts:
            values = self._read(self._statements.read_catalog, LAYOUTS)
            self._layouts = frozenset(BucketLayout.parse(value) for value in values)
        return self._layouts

    def model_versions(self) -> list[int]:
        """Returns the model versions that records name, newest first."""
        values = self._read(self._statements.read_catalog, MODEL_VERSIONS)
        return sorted((int(value) for value in values), reverse=True)

    def months(self, combination: FilterCombination, layout: BucketLayout) -> set[str]:
        """Returns the months, like `2026-11`, that have buckets of this layout and combination."""
        kinds = [months_kind(combination, layout), legacy_months_kind(combination, layout)]
        return set(self._read(self._statements.read_catalog_of_kinds, kinds))

    def _read(self, statement: str, kind: str | list[str]) -> Iterator[str]:
        for row in self._session.execute(self._session.prepare(statement).bind((kind,))):
            yield row["value"]
