"""Fixtures of the admin's tests."""

import pytest
from django.test import Client

from tests.webui.records.admin.browsing import staff
from webui.records.admin import RecordAdmin


@pytest.fixture
def editor(db: None) -> Client:
    """The client of a staff user who may view, correct and delete records."""
    return staff("ada", "view", "change", "delete")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecordAdmin, "list_per_page", 3)
