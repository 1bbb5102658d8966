"""Staff open sessions, and delete a participant with all drawings by the writer code."""

import pytest
from django.test import Client

from tests.webui.collection.participants import draw, join, open_session
from webui.collection.models import CollectionSession, Participation
from webui.records.models import Record

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
ADMIN = "/admin/collection"


def test_staff_open_a_session(admin_client: Client) -> None:
    form = {"code": "class-4b", "title": "Class 4b", "drawings_each": 20, "is_open": "on"}
    answer = admin_client.post(f"{ADMIN}/collectionsession/add/", form, follow=True)
    assert "/collect?code=class-4b" in answer.content.decode()
    created_by = CollectionSession.objects.get().created_by
    assert created_by is not None
    assert created_by.get_username() == "admin"


@pytest.mark.parametrize("code", ["Class 4b", "-", "a/b"])
def test_a_code_that_cannot_be_read_out_is_refused(admin_client: Client, code: str) -> None:
    form = {"code": code, "title": "Class 4b", "drawings_each": 20}
    answer = admin_client.post(f"{ADMIN}/collectionsession/add/", form)
    assert "Use lower-case letters" in answer.content.decode()


def test_staff_delete_a_participant_with_the_drawings(
    admin_client: Client, browser_client: Client
) -> None:
    open_session()
    writer = join(browser_client).json()["writer"]
    draw(browser_client, 0)
    found = admin_client.get(f"{ADMIN}/participation/", {"q": writer}).content.decode()
    assert writer in found
    chosen = [str(Participation.objects.get().pk)]
    form = {"action": "delete_with_drawings", "_selected_action": chosen}
    answer = admin_client.post(f"{ADMIN}/participation/", form, follow=True)
    assert "1 drawings are deleted" in answer.content.decode()
    assert not Record.objects.exists()
    assert not Participation.objects.exists()


def test_deleting_from_a_participants_page_deletes_the_drawings(
    admin_client: Client, browser_client: Client
) -> None:
    open_session()
    join(browser_client)
    draw(browser_client, 0)
    pk = Participation.objects.get().pk
    admin_client.post(f"{ADMIN}/participation/{pk}/delete/", {"post": "yes"}, follow=True)
    assert not Record.objects.exists()
