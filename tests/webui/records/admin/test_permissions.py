"""The pages and actions that each permission on records allows."""

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.test import Client

from tests.webui.records.admin.browsing import LIST, append_records, get, page_of, staff
from webui.records.store import store

pytestmark = pytest.mark.django_db


def test_view_allows_looking_only() -> None:
    viewer = staff("vera", "view")
    record = append_records(1)[0]
    page = get(viewer, LIST)
    assert "delete_selected" not in page
    assert str(record.id) in page
    page = get(viewer, page_of(record))
    assert 'name="corrected_label"' not in page
    assert "Delete" not in page
    assert viewer.get(page_of(record, "picture")).status_code == 200
    assert viewer.post(page_of(record), {"corrected_label": "1"}).status_code == 403
    assert viewer.post(page_of(record, "delete"), {"post": "yes"}).status_code == 403
    viewer.post(
        LIST, {"action": "delete_selected", "_selected_action": [str(record.id)], "post": "yes"}
    )
    assert store().get(record.id).corrected_label == ""


def test_change_allows_corrections_but_not_deletions() -> None:
    changer = staff("carl", "view", "change")
    record = append_records(1)[0]
    assert 'name="corrected_label"' in get(changer, page_of(record))
    assert changer.get(page_of(record, "delete")).status_code == 403


@pytest.mark.parametrize("address", [LIST, "change", "picture", "delete", "history"])
def test_without_view_nothing_is_shown(address: str) -> None:
    record = append_records(1)[0]
    path = address if address == LIST else page_of(record, address)
    assert staff("nobody").get(path).status_code == 403
    assert Client().get(path)["Location"].startswith("/admin/login/")
    assert staff("seeker").get(f"{LIST}?q={record.id}").status_code == 403


def test_records_cannot_be_added(admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert not LogEntry.objects.filter(action_flag=ADDITION).exists()
