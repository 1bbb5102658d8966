"""SQL statements with many values, in parts that every database takes."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

VALUES = 500  # old builds of SQLite take at most 999 in one statement

T = TypeVar("T")


def in_parts(values: Sequence[T], size: int = VALUES) -> Iterator[Sequence[T]]:
    """Yield the values in order, at most `size` at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
