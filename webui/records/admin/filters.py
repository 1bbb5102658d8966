"""The filters of the admin's list of records.

Day, digit, verdict and version are filters of every store. The others are checked on the records
that those let through (`webui.records.searching`).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest

from webui.records.admin.changelist import RecordChangeList
from webui.records.admin.record_query import InvalidParameter, RecordQuery
from webui.records.days import SHORTCUTS, instants_of, parse_days, today
from webui.records.models import Record, Verdict
from webui.records.searching import Condition
from webui.records.selectors import predicted_label
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
        self.others = other_filters(changelist, self.parameter_name)
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


class CorrectionFilter(RecordFilter):
    """Records that visitors or staff have labelled."""

    title = "correction"
    parameter_name = "correction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("corrected", "Corrected"), ("confirmed", "Confirmed"), ("none", "None")]

    def narrow(self, query: RecordQuery, value: str) -> RecordQuery:
        match value:
            case "corrected":
                return query.where(_those(is_corrected))
            case "confirmed":
                return query.where(_those(lambda one: one.corrected_label == predicted_label(one)))
            case "none":
                return query.where(_those(lambda one: not one.corrected_label))
        raise InvalidParameter(
            self.parameter_name,
            f"“{value}” is not a choice; there are corrected, confirmed, none.",
        )


def is_corrected(record: Record) -> bool:
    """Return whether somebody has given another label than the prediction."""
    return record.corrected_label not in ("", predicted_label(record))


def _those(fits: Callable[[Record], bool]) -> Condition:
    return lambda records: [record for record in records if fits(record)]


class ConfidenceFilter(RecordFilter):
    """A range of confidence in percent, both ends included, or a few shortcuts."""

    title = "confidence"
    parameter_name = "confidence"
    template = "admin/records/record/confidence_filter.html"

    least, most = "", ""  # the values of the form
    others: list[tuple[str, str]]  # the other filters, which its form must keep

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("0-50", "Up to 50 %"), ("50-90", "50 to 90 %"), ("90-100", "From 90 %")]

    def narrow(self, query: RecordQuery, value: str) -> RecordQuery:
        found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?)-(\d{1,3}(?:\.\d{1,3})?)", value, re.ASCII)
        least, most = (float(found[1]), float(found[2])) if found else (1.0, 0.0)
        if not least <= most <= 100:
            raise InvalidParameter(
                self.parameter_name,
                f"“{value}” is not a range of confidence; a range in percent is like 50-90.",
            )
        if value not in dict(self.lookup_choices):
            self.least, self.most = f"{least:g}", f"{most:g}"
        return query.where(_those(lambda one: least <= 100 * one.confidence <= most))

    def choices(self, changelist: Any) -> Iterator[Any]:
        self.others = other_filters(changelist, self.parameter_name)
        yield from super().choices(changelist)


def range_of_form(sent: Mapping[str, str]) -> str | None:
    """Returns the range that the form of the confidence filter sends; None without one."""
    least, most = sent.get("confidence_from"), sent.get("confidence_to")
    return None if least is None and most is None else f"{least or 0}-{most or 100}"


def other_filters(changelist: RecordChangeList, name: str) -> list[tuple[str, str]]:
    """Returns the filters that a filter's form must keep."""
    return [
        (other, value)
        for other, value in changelist.params.items()
        if other in changelist.get_filters_params() and other != name
    ]
