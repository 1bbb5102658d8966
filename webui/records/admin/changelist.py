"""What the admin's change list asks instead of a queryset: one page of the record store.

Django's change list counts rows, skips over them and sorts by columns. A record store does
none of that (`webui/records/store.py`), so the list goes by cursors: a page is next to a
record, not the n-th.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest

from webui.records.models import Record
from webui.records.store import Filters, Page, RecordNotFound, store

OLDER = "older"
NEWER = "newer"
CURSORS = (OLDER, NEWER)


class WrongParameter(ValueError):
    """A part of the address that is not what it should be; the message says what would be."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class _Query:
    """What Django looks at on a queryset's query."""

    select_related = True  # there is nothing to join


@dataclass(frozen=True)
class RecordRows:
    """Stands where Django expects a queryset: the filters so far, and chosen records if any.

    It never reads more than the records that were chosen by their ids; the page itself is
    read by `RecordChangeList`.
    """

    filters: Filters = field(default_factory=Filters)
    chosen: Sequence[Record] = ()

    model = Record
    db = DEFAULT_DB_ALIAS
    ordered = True
    query = _Query()
    verbose_name = Record._meta.verbose_name
    verbose_name_plural = Record._meta.verbose_name_plural

    def narrowed(self, **equal: Any) -> Self:
        """The same rows, fewer of them."""
        return replace(self, filters=replace(self.filters, **equal))

    def filter(self, *, pk__in: Sequence[str]) -> Self:
        """The records of these ids; those that are gone or are no ids are left out."""
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


class RecordChangeList(ChangeList):
    """A page of records next to a cursor, with the filters that the store has."""

    queryset: Any
    page: Page

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "Records, newest first"

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        chosen: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in chosen.items() if name not in CURSORS}

    def get_query_string(
        self, new_params: Mapping[str, Any] | None = None, remove: Iterable[str] | None = None
    ) -> str:
        """Links to other filters begin at their newest record: a cursor is never kept."""
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
        rows: Any = self.root_queryset
        for spec in self.filter_specs:
            rows = spec.queryset(request, rows)
        self.clear_all_filters_qs = self.get_query_string(remove=tuple(self.get_filters_params()))
        return rows

    def get_results(self, request: HttpRequest) -> None:
        older, newer = self._cursor(OLDER), self._cursor(NEWER)
        if older is not None and newer is not None:
            raise WrongParameter(
                NEWER, "A page is older than a record or newer than one, not both."
            )
        read = store().page
        size = self.list_per_page
        page = read(self.queryset.filters, size=size, older_than=older, newer_than=newer)
        if newer is not None and page.newer_than is None:
            # The newest page, filled up: a few lines would be all that is newer.
            page = read(self.queryset.filters, size=size)
            newer = None
        self.page = page
        self.at_newest = older is None and newer is None
        self.result_list = list(page.records)
        # Django asks for counts; what is shown is all that is counted.
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
            cursor = UUID(text)
        except ValueError:
            cursor = None
        if cursor is None or cursor.version != 1:
            raise WrongParameter(
                name, f"“{text}” is no place in the list; it goes on from a record's id."
            )
        return cursor

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
