"""Deleting records, one or several."""

from uuid import uuid4

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.test import Client

from tests.webui.records.admin.browsing import LIST, append_records, get, messages_of, page_of
from webui.records.store import Filters, store

pytestmark = pytest.mark.django_db


def test_one_record_is_deleted_after_confirmation(editor: Client) -> None:
    newest, oldest = append_records(2)
    assert "Are you sure" in get(editor, page_of(newest, "delete"))
    assert store().get(newest.id)
    editor.post(page_of(newest, "delete"), {"post": "yes"})
    assert [record.id for record in store().scan(Filters())] == [oldest.id]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_id) == (DELETION, str(newest.id))


def test_selected_records_are_deleted_after_confirmation(editor: Client) -> None:
    newest, middle, oldest = append_records(3)
    chosen = {
        "action": "delete_selected",
        "_selected_action": [str(newest.id), str(oldest.id), str(uuid4()), "nonsense"],
    }
    page = editor.post(LIST, chosen).content.decode()
    assert "Are you sure you want to delete the selected records?" in page
    assert page.count('name="_selected_action"') == 2
    assert len(list(store().scan(Filters()))) == 3
    response = editor.post(LIST, {**chosen, "post": "yes"}, follow=True)
    assert "Successfully deleted 2 records." in messages_of(response.content.decode())
    assert [record.id for record in store().scan(Filters())] == [middle.id]
    logged = LogEntry.objects.filter(action_flag=DELETION).values_list("object_id", flat=True)
    assert sorted(str(one) for one in logged) == sorted([str(newest.id), str(oldest.id)])


def test_selecting_across_pages_deletes_nothing(editor: Client) -> None:
    records = append_records(4)
    editor.post(
        LIST,
        {
            "action": "delete_selected",
            "_selected_action": [str(records[0].id)],
            "select_across": "1",
            "post": "yes",
        },
    )
    assert len(list(store().scan(Filters()))) == 4
