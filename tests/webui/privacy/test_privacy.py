"""The privacy page says what the settings say, and deletes everything of a visitor."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from tests.webui.predictions import post
from tests.webui.records.factory import make_record
from webui.access.rate import Rate
from webui.collection.models import Participation, PromptedDrawing
from webui.records.database_store import DatabaseStore
from webui.records.models import Record, new_record_id
from webui.records.retention import Retention
from webui.records.store import StoreUnavailable

pytestmark = pytest.mark.django_db

SURE = {"sure": "on"}


def text_of(client: Client | None = None) -> str:
    return (client or Client()).get("/privacy").content.decode()


def visitor_of(record_id: str) -> str:
    return Record.objects.get(pk=record_id).visitor


class TestWhatItSays:
    def test_without_retention_records_are_kept(self) -> None:
        assert "kept until you or the operator delete them" in text_of()

    def test_the_retention_is_the_one_that_is_set(self, settings: Settings) -> None:
        settings.RETENTION = Retention(records=timedelta(days=365), pictures=timedelta(days=1))
        text = text_of()
        assert "deleted 365 days after the drawing" in text
        assert "deleted after 1 day;" in text

    def test_the_wall_is_named_when_it_is_on(self, settings: Settings) -> None:
        assert "everybody in the room" not in text_of()
        settings.WALL_CODE = "k7mp-x3qd"
        assert "everybody in the room" in text_of()

    def test_the_contact_is_shown_as_text(self, settings: Settings) -> None:
        settings.PRIVACY_CONTACT = "Ada <b>, ada@example.org"
        text = text_of()
        assert "Ada &lt;b&gt;" in text
        assert 'href="mailto:ada@example.org"' in text

    def test_reading_it_sets_no_visitor_cookie(self) -> None:
        client = Client()
        assert "nothing of yours" in text_of(client)
        assert "visitor" not in client.cookies

    def test_the_page_links_to_it(self) -> None:
        assert 'href="/privacy"' in Client().get("/").content.decode()


@pytest.mark.usefixtures("model")
class TestDeletingEverything:
    def test_all_of_this_visitor_is_deleted_and_nothing_of_others(self) -> None:
        mine, other = Client(), Client()
        ids = [post(mine).json()["id"] for _ in range(3)]
        kept = post(other).json()["id"]
        assert "delete everything of mine" in text_of(mine)
        answer = mine.post("/privacy", SURE)
        assert "3 drawings are deleted" in answer.content.decode()
        assert answer.cookies["visitor"]["max-age"] == 0
        assert not Record.objects.filter(pk__in=ids).exists()
        assert other.get(f"/api/v1/predictions/{kept}").status_code == 200

    def test_participations_in_a_collection_go_as_well(self) -> None:
        client = Client()
        visitor = visitor_of(post(client).json()["id"])
        record = make_record(visitor=visitor)
        DatabaseStore().append(record)
        for turn, ended in ((0, True), (1, False)):
            participation = Participation.objects.create(
                visitor=visitor, turn=turn, writer=f"{turn}" * 32, drawings_wanted=10,
                consent_version=1, consent_language="en", licence="CC-BY-4.0",
                ended_at=record.predicted_at if ended else None,
            )  # fmt: skip
            PromptedDrawing.objects.create(
                participation=participation, number=0, digit=7,
                record_id=new_record_id() if ended else record.id,
                drawn_at=None if ended else record.predicted_at,
            )  # fmt: skip
        assert "2 drawings are deleted" in client.post("/privacy", SURE).content.decode()
        assert not Participation.objects.exists()
        assert not PromptedDrawing.objects.exists()
        assert not Record.objects.filter(visitor=visitor).exists()

    def test_it_asks_first(self) -> None:
        client = Client()
        post(client)
        answer = client.post("/privacy")
        assert answer.status_code == 400
        assert "Tick the box" in answer.content.decode()
        assert Record.objects.count() == 1

    def test_another_sites_form_deletes_nothing(self) -> None:
        client = Client(enforce_csrf_checks=True)
        post(client)
        assert client.post("/privacy", SURE).status_code == 403
        assert Record.objects.count() == 1

    def test_a_visitor_without_drawings_deletes_nothing(self) -> None:
        post(Client())
        assert Client().post("/privacy", SURE).status_code == 200
        assert Record.objects.count() == 1

    def test_an_unavailable_store_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_args: object, **_more: object) -> None:
            raise StoreUnavailable("away")

        client = Client()
        post(client)
        monkeypatch.setattr(DatabaseStore, "page", refuse)
        answer = client.post("/privacy", SURE)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "try again" in answer.content.decode()
        assert "visitor" not in answer.cookies

    def test_it_counts_for_the_rate_limit(self, settings: Settings) -> None:
        settings.RATE_LIMIT = Rate(count=1, seconds=3600)
        client = Client()
        post(client)
        cookie = client.cookies["visitor"].value
        assert client.post("/privacy", SURE).status_code == 200
        client.cookies["visitor"] = cookie
        answer = client.post("/privacy", SURE)
        assert answer.status_code == 429
        assert "please wait" in answer.content.decode()
