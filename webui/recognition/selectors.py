"""Thresholds of a model version, and the records of a caller."""

from dataclasses import replace
from functools import cache
from uuid import UUID

from django.conf import settings

from serving.verdict import DEFAULT_THRESHOLDS, Thresholds
from serving.versions.card import read_card
from webui.access.visitors import Caller
from webui.errors import ApiError
from webui.records.models import Record
from webui.records.paging import Bounds
from webui.records.store import Filters, Page, RecordNotFound, store


@cache
def _thresholds_on_card(model_name: str, version: int) -> Thresholds:
    return read_card(settings.MODELS_DIR / model_name / str(version)).thresholds


def thresholds_of(*, model_name: str, version: int) -> Thresholds:
    """Return the thresholds on the version's model card; the default without a card.

    A card is read once, because a version directory never changes. A card that is missing or
    unreadable is read again next time: the directory may not be on this machine yet.
    """
    try:
        return _thresholds_on_card(model_name, version)
    except (OSError, ValueError):
        return DEFAULT_THRESHOLDS


def callers_record(record_id: UUID, caller: Caller) -> Record:
    """Return the record, if the caller may see it.

    Raises:
        ApiError: 404, whether the record is missing or somebody else's.
        StoreUnavailable: if the store cannot be asked now.
    """
    missing = ApiError(404, "not_found", "There is no prediction of yours with this id.")
    if record_id.version != 1:  # no record has such an id
        raise missing
    try:
        record = store().get(record_id)
    except RecordNotFound:
        raise missing from None
    if not caller.may_see(drawn_by=record.visitor):
        raise missing
    return record


def callers_page(caller: Caller, filters: Filters, bounds: Bounds, *, size: int) -> Page:
    """Return a page of the records that the caller made, newest first.

    Raises:
        StoreUnavailable: if the store cannot be asked now.
    """
    if caller.is_new:  # a visitor who has just come has made none
        return Page()
    return store().page(
        replace(filters, visitor=caller.visitor),
        size=size,
        older_than=bounds.older_than,
        newer_than=bounds.newer_than,
    )
