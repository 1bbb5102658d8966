"""Reads what a prediction needs to know: thresholds and a caller's record."""

from functools import cache
from uuid import UUID

from django.conf import settings

from serving.verdict import DEFAULT_THRESHOLDS, Thresholds
from serving.versions.card import read_card
from webui.access.visitors import Caller
from webui.errors import ApiError
from webui.records.models import Record
from webui.records.store import RecordNotFound, store


@cache
def _thresholds_on_card(model_name: str, version: int) -> Thresholds:
    return read_card(settings.MODELS_DIR / model_name / str(version)).thresholds


def thresholds_of(*, model_name: str, version: int) -> Thresholds:
    """When this version's answer counts as sure, from its card; the default without a card.

    A version directory never changes once it is there, so a card is read once. A missing or
    unreadable one is looked for again: the directory may not have arrived on this machine.
    """
    try:
        return _thresholds_on_card(model_name, version)
    except (OSError, ValueError):
        return DEFAULT_THRESHOLDS


def callers_record(record_id: UUID, caller: Caller) -> Record:
    """The record, if the caller may see it.

    Raises:
        ApiError: 404, the same for a record that is not there and for somebody else's.
        StoreUnavailable: if it cannot be known now.
    """
    missing = ApiError(404, "not_found", "There is no prediction of yours with this id.")
    if record_id.version != 1:  # ids of records are; no store needs to be asked
        raise missing
    try:
        record = store().get(record_id)
    except RecordNotFound:
        raise missing from None
    if not caller.may_see(drawn_by=record.visitor):
        raise missing
    return record
