"""Combinations of filters, each with a list of buckets of its own in `record_buckets`.

A filter therefore walks only the buckets that hold matching records, however rare they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, kw_only=True)
class FilterCombination:
    """Values of the indexed columns; None stands for any value.

    Its text ("all", "version=2", "version=2 digit=3", …) is part of keys in Cassandra.
    """

    model_version: int | None = None
    digit: int | None = None
    verdict: str | None = None
    visitor: str | None = None  # alone: see `webui.records_cassandra.tables.reader`

    def __str__(self) -> str:
        named = (
            ("version", self.model_version),
            ("digit", self.digit),
            ("verdict", self.verdict),
            ("visitor", self.visitor),
        )
        return " ".join(f"{name}={value}" for name, value in named if value is not None) or "all"


def filter_combinations_of(
    *, model_version: int, digit: int | None, verdict: str, visitor: str
) -> Iterator[FilterCombination]:
    """Yields the combinations that a record matches, of which readers walk the buckets.

    These are: with and without digit, verdict and version, and the visitor alone. The visitor with
    the others would need seven more for every record of a new visitor.
    """
    digits = (None,) if digit is None else (None, digit)
    for version, some_digit, some_verdict in product(
        (None, model_version), digits, (None, verdict)
    ):
        yield FilterCombination(model_version=version, digit=some_digit, verdict=some_verdict)
    if visitor:
        yield FilterCombination(visitor=visitor)
