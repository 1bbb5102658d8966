"""By what the admin's list of records can be narrowed: exactly what every store can filter by."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest

from webui.records.admin.changelist import RecordChangeList, RecordRows, WrongParameter
from webui.records.models import Verdict
from webui.records.store import store

DAY = timedelta(days=1)
WEEK = 7  # days, today included


def today() -> date:
    """In UTC, as all times of records are shown."""
    return datetime.now(UTC).date()


class RecordFilter(SimpleListFilter, ABC):
    """A filter that narrows `RecordRows`, and refuses by name what is none of its choices."""

    @abstractmethod
    def narrow(self, rows: RecordRows, value: str) -> RecordRows:
        """The rows that have this value; raises WrongParameter when it is no choice."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset if not value else self.narrow(queryset, value)

    def has_output(self) -> bool:
        return True


class DayFilter(RecordFilter):
    """One day by a date picker, or a few shortcuts; days begin at midnight UTC."""

    title = "day (UTC)"
    parameter_name = "day"
    template = "admin/records/record/day_filter.html"

    picked = ""  # what the date picker shows
    others: list[tuple[str, str]]  # the other filters, which its form must keep

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("today", "Today"),
            ("yesterday", "Yesterday"),
            (f"{WEEK}days", f"Last {WEEK} days"),
        ]

    def narrow(self, rows: RecordRows, value: str) -> RecordRows:
        first, last = self._days(value)
        try:
            since = datetime.combine(first, time(), UTC)
            until = datetime.combine(last, time(), UTC) + DAY
        except OverflowError:
            raise self._refusal(value) from None
        return rows.narrowed(since=since, until=until)

    def _days(self, value: str) -> tuple[date, date]:
        """The first day and the last one, both included."""
        match value:
            case "today":
                return today(), today()
            case "yesterday":
                return today() - DAY, today() - DAY
            case "7days":
                return today() - (WEEK - 1) * DAY, today()
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise self._refusal(value) from None
        self.picked = day.isoformat()
        return day, day

    def _refusal(self, value: str) -> WrongParameter:
        return WrongParameter(
            self.parameter_name,
            f"“{value}” is no day; a day is written like {today()}.",
        )

    def choices(self, changelist: Any) -> Iterator[Any]:
        kept: RecordChangeList = changelist
        self.others = [
            (name, value)
            for name, value in kept.params.items()
            if name in kept.get_filters_params() and name != self.parameter_name
        ]
        yield from super().choices(changelist)


class DigitFilter(RecordFilter):
    """The likeliest digit, also where the model was unsure."""

    title = "digit"
    parameter_name = "digit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(digit), str(digit)) for digit in range(10)]

    def narrow(self, rows: RecordRows, value: str) -> RecordRows:
        if value not in tuple("0123456789"):
            raise WrongParameter("digit", f"“{value}” is no digit; a digit is 0 to 9.")
        return rows.narrowed(digit=int(value))


class VerdictFilter(RecordFilter):
    title = "verdict"
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(verdict.value, str(verdict.label).capitalize()) for verdict in Verdict]

    def narrow(self, rows: RecordRows, value: str) -> RecordRows:
        if value not in Verdict.values:
            raise WrongParameter(
                "verdict", f"“{value}” is no verdict; there are {', '.join(Verdict.values)}."
            )
        return rows.narrowed(verdict=value)


class ModelVersionFilter(RecordFilter):
    """The versions that records name; asked from the store, which knows them without a count."""

    title = "model version"
    parameter_name = "version"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(version), f"Version {version}") for version in store().model_versions()]

    def narrow(self, rows: RecordRows, value: str) -> RecordRows:
        # A number longer than this is no version, and no column could hold it.
        if not (value.isascii() and value.isdecimal() and len(value) <= 18):
            raise WrongParameter(
                "version", f"“{value}” is no model version; a version is a number like 2."
            )
        return rows.narrowed(model_version=int(value))
