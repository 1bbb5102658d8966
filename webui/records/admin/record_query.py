"""A stand-in for the queryset that Django's admin expects: filters, and records chosen by id."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS

from webui.records.models import Record
from webui.records.searching import Condition
from webui.records.store import Filters, RecordNotFound, store


class InvalidParameter(ValueError):
    """A parameter of the list's address has an invalid value; the message says what is valid."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class _Query:
    """The attributes of a queryset's query that Django reads."""

    select_related = True  # there are no related objects to select


@dataclass(frozen=True)
class RecordQuery:
    """The filters so far, and the chosen records, if any.

    It reads only records that were chosen by their ids; `RecordChangeList` reads the page.
    """

    filters: Filters = field(default_factory=Filters)
    chosen: Sequence[Record] = ()
    conditions: Sequence[Condition] = ()

    model = Record
    db = DEFAULT_DB_ALIAS
    ordered = True
    query = _Query()
    verbose_name = Record._meta.verbose_name
    verbose_name_plural = Record._meta.verbose_name_plural

    def narrow(self, **equal: Any) -> Self:
        """Returns a query with further filters."""
        return replace(self, filters=replace(self.filters, **equal))

    def where(self, condition: Condition) -> Self:
        """Returns a query with a further condition that the store does not check."""
        return replace(self, conditions=(*self.conditions, condition))

    def filter(self, *, pk__in: Sequence[str]) -> Self:
        """Returns a query for the records of these ids; missing and invalid ids are left out."""
        chosen = []
        for text in pk__in:
            try:
                chosen.append(store().get(UUID(text)))
            except (ValueError, RecordNotFound):
                continue
        return replace(self, chosen=chosen)

    def order_by(self, *_: str) -> Self:
        return self

    def distinct(self) -> Self:
        return self

    def all(self) -> Self:
        return self

    def _clone(self) -> Self:
        return self

    def count(self) -> int:
        return len(self.chosen)

    def __len__(self) -> int:
        return len(self.chosen)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.chosen)

    def __getitem__(self, place: int | slice) -> Record | Sequence[Record]:
        return self.chosen[place]
