"""The filters of the admin's list of records: those that every store has."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest

from webui.records.admin.changelist import RecordChangeList
from webui.records.admin.record_query import InvalidParameter, RecordQuery
from webui.records.days import SHORTCUTS, instants_of, parse_days, today
from webui.records.models import Verdict
from webui.records.store import store


class RecordFilter(SimpleListFilter, ABC):
    """A filter of `RecordQuery`, which refuses values that are not among its choices."""

    @abstractmethod
    def narrow(self, query: RecordQuery, value: str) -> RecordQuery:
        """Returns the query with this value; raises InvalidParameter if it is not a choice."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset if not value else self.narrow(queryset, value)

    def has_output(self) -> bool:
        return True


class DayFilter(RecordFilter):
    """A day from a date picker, or a few shortcuts; days begin at midnight UTC."""

    title = "day (UTC)"
    parameter_name = "day"
    template = "admin/records/record/day_filter.html"

    picked = ""  # the value of the date picker
    others: list[tuple[str, str]]  # the other filters, which its form must keep

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(SHORTCUTS.items())

    def narrow(self, query: RecordQuery, value: str) -> RecordQuery:
        try:
            first, last = parse_days(value)
            since, until = instants_of(first, last)
        except (ValueError, OverflowError):
            raise self._invalid(value) from None
        if value not in SHORTCUTS:
            self.picked = first.isoformat()
        return query.narrow(since=since, until=until)

    def _invalid(self, value: str) -> InvalidParameter:
        return InvalidParameter(
            self.parameter_name, f"“{value}” is not a day; a day is written like {today()}."
        )

    def choices(self, changelist: Any) -> Iterator[Any]:
        current: RecordChangeList = changelist
        self.others = [
            (name, value)
            for name, value in current.params.items()
            if name in current.get_filters_params() and name != self.parameter_name
        ]
        yield from super().choices(changelist)


class DigitFilter(RecordFilter):
    """The most likely digit, also of unsure predictions."""

    title = "digit"
    parameter_name = "digit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(digit), str(digit)) for digit in range(10)]

    def narrow(self, query: RecordQuery, value: str) -> RecordQuery:
        if value not in tuple("0123456789"):
            raise InvalidParameter("digit", f"“{value}” is not a digit; a digit is 0 to 9.")
        return query.narrow(digit=int(value))


class VerdictFilter(RecordFilter):
    title = "verdict"
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(verdict.value, str(verdict.label).capitalize()) for verdict in Verdict]

    def narrow(self, query: RecordQuery, value: str) -> RecordQuery:
        if value not in Verdict.values:
            raise InvalidParameter(
                "verdict", f"“{value}” is not a verdict; there are {', '.join(Verdict.values)}."
            )
        return query.narrow(verdict=value)


class ModelVersionFilter(RecordFilter):
    """The model versions of the records, which the store lists without counting them."""

    title = "model version"
    parameter_name = "version"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(version), f"Version {version}") for version in store().model_versions()]

    def narrow(self, query: RecordQuery, value: str) -> RecordQuery:
        # No column of the stores holds a longer number.
        if not (value.isascii() and value.isdecimal() and len(value) <= 18):
            raise InvalidParameter(
                "version", f"“{value}” is not a model version; a version is a number like 2."
            )
        return query.narrow(model_version=int(value))
