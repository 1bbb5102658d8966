"""The admin's list of records: one page of the record store, next to a cursor.

Django's change list counts rows, skips over them and sorts by columns, none of which a record
store offers (`webui/records/store.py`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from webui.records.admin.record_query import InvalidParameter, RecordQuery
from webui.records.paging import parse_cursor
from webui.records.searching import SEARCHED, search
from webui.records.store import Page

OLDER = "older"
NEWER = "newer"
CURSORS = (OLDER, NEWER)


class RecordChangeList(ChangeList):
    """A page of records next to a cursor, with the filters that every store has."""

    queryset: Any
    page: Page
    searched_to: datetime | None  # where the search stopped, if too few of many records fit

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "Records, newest first"

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        chosen: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in chosen.items() if name not in CURSORS}

    def get_query_string(
        self, new_params: Mapping[str, Any] | None = None, remove: Iterable[str] | None = None
    ) -> str:
        """Returns a link's query without the cursor, so that the list starts at the newest."""
        kept = {name: value for name, value in self.filter_params.items() if name not in CURSORS}
        for name in remove or ():
            kept.pop(name, None)
        for name, value in (new_params or {}).items():
            if value is None:
                kept.pop(name, None)
            else:
                kept[name] = value
        return "?" + urlencode(sorted(kept.items()), doseq=True)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        (self.filter_specs, self.has_filters, unknown, _, self.has_active_filters) = (
            self.get_filters(request)
        )
        if unknown:
            raise IncorrectLookupParameters(f"there is no filter by {', '.join(unknown)}")
        query: Any = self.root_queryset
        for spec in self.filter_specs:
            query = spec.queryset(request, query)
        self.clear_all_filters_qs = self.get_query_string(remove=tuple(self.get_filters_params()))
        return query

    def get_results(self, request: HttpRequest) -> None:
        older, newer = self._cursor(OLDER), self._cursor(NEWER)
        if older is not None and newer is not None:
            raise InvalidParameter(
                NEWER, "A page is older than a record or newer than one, not both."
            )
        query: RecordQuery = self.queryset
        read = partial(search, query.filters, query.conditions, size=self.list_per_page)
        found = read(older_than=older, newer_than=newer)
        if newer is not None and found.page.newer_than is None:
            # Only a few records are newer: show the newest page instead, which is full.
            found = read()
            newer = None
        self.page = page = found.page
        self.searched_to = found.searched_to
        self.searched = SEARCHED
        self.at_newest = older is None and newer is None
        self.result_list = list(page.records)
        # Django reads counts; only the shown records are counted.
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.result_list)
        self.can_show_all, self.multi_page = False, False
        self.paginator = None

    def _cursor(self, name: str) -> UUID | None:
        text = self.params.get(name)
        if text is None:
            return None
        try:
            return parse_cursor(text)
        except ValueError:
            raise InvalidParameter(
                name, f"“{text}” is not a place in the list; a page begins at a record's id."
            ) from None

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        return []  # newest first, always

    def get_ordering_field_columns(self) -> dict[int, Any]:
        return {}

    @property
    def newest_url(self) -> str:
        return self.get_query_string()

    @property
    def newer_url(self) -> str | None:
        cursor = self.page.newer_than
        return None if cursor is None else self.get_query_string({NEWER: cursor})

    @property
    def older_url(self) -> str | None:
        cursor = self.page.older_than
        return None if cursor is None else self.get_query_string({OLDER: cursor})


class FiltersOnly(RecordChangeList):
    """The filters of a list's address, without reading its page."""

    def get_results(self, request: HttpRequest) -> None:
        self.result_list = []
        self.result_count = self.full_result_count = 0
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all, self.multi_page, self.paginator = False, False, None
