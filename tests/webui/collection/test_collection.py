"""Taking part: every drawing is recorded with what was asked for, once, and can be deleted."""

from unittest.mock import patch
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from tests.harness.drawings import blank_picture
from tests.harness.fake_model_server import FakeModelServer
from tests.webui.collection.participants import INK, PATH, draw, join, open_session
from webui.access.visitors import COOKIE
from webui.collection.models import Participation, PromptedDrawing
from webui.records.deletions import records_deleted
from webui.records.models import Record
from webui.records.store import StoreUnavailable, store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]


def error_of(answer: object) -> str:
    return str(answer.json()["error"]["code"])  # type: ignore[attr-defined]


def test_a_drawing_is_recorded_with_what_was_asked_for(browser_client: Client) -> None:
    open_session()
    joined = join(browser_client)
    assert joined.status_code == 201
    assert joined.json()["wanted"] == 20
    prompt = joined.json()["prompt"]

    answer = draw(browser_client, prompt["number"])
    assert answer.status_code == 201
    assert answer.json()["drawn"] == 1
    assert answer.json()["prompt"]["number"] == 1
    assert "digit" not in answer.json()  # what the network reads must not lead the pen

    row = PromptedDrawing.objects.get()
    record = store().get(row.record_id)
    assert row.digit == prompt["digit"]
    assert record.ink == [[[1.5, 2, 0], [30, 40, 16]]]
    assert record.visitor == row.participation.visitor
    assert record.corrected_label == ""  # nobody corrected anything


def test_the_language_kept_is_that_of_the_page(browser_client: Client) -> None:
    open_session()
    browser_client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de-AT,de;q=0.9"
    join(browser_client)
    assert Participation.objects.get().consent_language == "de"


def test_consent_and_writer_are_kept_without_the_cookie(browser_client: Client) -> None:
    open_session()
    join(browser_client)
    kept = Participation.objects.get()
    assert (kept.consent_version, kept.licence, kept.consent_language) == (1, "CC-BY-4.0", "en")
    cookie = browser_client.cookies[COOKIE].value
    name = cookie.split(":")[0]
    assert name not in (kept.writer, kept.visitor)
    assert kept.writer != kept.visitor


def test_the_writer_stays_the_same_when_the_secret_key_changes(
    browser_client: Client, settings: Settings
) -> None:
    open_session()
    writer = join(browser_client).json()["writer"]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-" * 10
    browser_client.get("/")
    assert browser_client.get(PATH).json()["writer"] == writer


def test_a_drawing_that_is_sent_again_is_recorded_once(browser_client: Client) -> None:
    open_session()
    join(browser_client)
    assert draw(browser_client, 0).json() == draw(browser_client, 0).json()
    assert Record.objects.count() == 1


def test_a_drawing_whose_answer_was_lost_is_recorded_once(browser_client: Client) -> None:
    """The process ends between the record and the row that says so."""
    open_session()
    join(browser_client)
    with patch("webui.collection.services.timezone.now", side_effect=StoreUnavailable("killed")):
        assert draw(browser_client, 0).status_code == 503
    assert browser_client.get(PATH).json()["drawn"] == 0
    assert draw(browser_client, 0).json()["drawn"] == 1
    assert Record.objects.count() == 1


@pytest.mark.usefixtures("dead_model")
def test_without_a_model_the_prompt_stays_open(browser_client: Client) -> None:
    open_session()
    join(browser_client)
    assert draw(browser_client, 0).status_code == 503
    assert browser_client.get(PATH).json()["prompt"]["number"] == 0


def test_all_prompts_answered(browser_client: Client) -> None:
    open_session(drawings_each=10)
    join(browser_client)
    for number in range(10):
        answer = draw(browser_client, number).json()
    assert (answer["drawn"], answer["wanted"], answer["prompt"]) == (10, 10, None)
    digits = PromptedDrawing.objects.values_list("digit", flat=True)
    assert sorted(digits) == list(range(10))
    assert error_of(draw(browser_client, 10)) == "not_found"


def test_one_drawing_is_drawn_again(browser_client: Client) -> None:
    open_session()
    join(browser_client)
    draw(browser_client, 0)
    (first,) = Record.objects.values_list("pk", flat=True)
    answer = browser_client.delete(f"{PATH}/drawings/0").json()
    assert (answer["drawn"], answer["prompt"]["number"]) == (0, 0)
    assert not Record.objects.filter(pk=first).exists()
    draw(browser_client, 0)
    assert Record.objects.count() == 1


def test_a_record_that_is_deleted_elsewhere_opens_its_prompt_again(browser_client: Client) -> None:
    open_session()
    join(browser_client)
    draw(browser_client, 0)
    (record_id,) = Record.objects.values_list("pk", flat=True)
    assert browser_client.delete(f"/api/v1/predictions/{record_id}").status_code == 204
    assert browser_client.get(PATH).json()["prompt"]["number"] == 0
    assert draw(browser_client, 0).json()["drawn"] == 1


def test_leaving_deletes_everything(browser_client: Client) -> None:
    open_session()
    join(browser_client)
    draw(browser_client, 0)
    draw(browser_client, 1)
    assert browser_client.delete(PATH).status_code == 204
    assert not Record.objects.exists()
    assert not Participation.objects.exists()
    assert error_of(browser_client.get(PATH)) == "not_taking_part"


def test_when_the_store_fails_leaving_can_be_asked_for_again(browser_client: Client) -> None:
    """The rows that name the records are deleted before them, and come back."""
    open_session()
    join(browser_client)
    draw(browser_client, 0)

    def fail(record_ids: list[UUID]) -> None:
        records_deleted.send(Record, record_ids=record_ids)
        raise StoreUnavailable("down")

    with patch.object(store(), "delete", fail):
        assert browser_client.delete(PATH).status_code == 503
    assert PromptedDrawing.objects.count() == 1
    assert browser_client.delete(PATH).status_code == 204
    assert not Record.objects.exists()


def test_leaving_deletes_a_drawing_that_the_model_still_reads(
    browser_client: Client, model: FakeModelServer
) -> None:
    open_session()
    join(browser_client)
    deleted: list[int] = []
    kept = PromptedDrawing.objects.filter

    def delete_first(**conditions: object) -> object:
        if not deleted:
            deleted.append(1)
            Participation.objects.all().delete()
        return kept(**conditions)

    with patch.object(PromptedDrawing.objects, "filter", delete_first):
        assert error_of(draw(browser_client, 0)) == "not_taking_part"
    assert not Record.objects.exists()


def test_the_next_person_at_the_same_browser_is_another_writer(browser_client: Client) -> None:
    open_session()
    first = join(browser_client).json()["writer"]
    draw(browser_client, 0)
    assert browser_client.post(f"{PATH}/end").status_code == 204
    second = join(browser_client).json()
    assert second["writer"] != first
    assert second["drawn"] == 0
    assert browser_client.delete(PATH).status_code == 204
    assert Record.objects.count() == 1  # the first person's


@pytest.mark.parametrize(
    ("code", "said"), [("", "Enter the code"), ("class-9", "no open session"), ("old", "no open")]
)
def test_without_the_code_of_an_open_session_nobody_takes_part(
    browser_client: Client, code: str, said: str
) -> None:
    open_session()
    open_session("old", is_open=False)
    answer = join(browser_client, code)
    assert answer.status_code == 404
    assert said in answer.json()["error"]["message"]
    assert not settings.COLLECT_WITHOUT_CODE  # off unless the operator turns it on


def test_a_setting_lets_people_draw_without_a_code(
    browser_client: Client, settings: Settings
) -> None:
    settings.COLLECT_WITHOUT_CODE = True
    assert join(browser_client, "").json()["session"] is None


def test_a_code_may_be_written_with_capitals(browser_client: Client) -> None:
    open_session()
    assert join(browser_client, " Class-4B ").json()["session"] == "class-4b"


def test_a_session_that_is_closed_takes_no_more_drawings(browser_client: Client) -> None:
    session = open_session()
    join(browser_client)
    session.is_open = False
    session.save()
    assert error_of(draw(browser_client, 0)) == "session_closed"
    assert browser_client.delete(PATH).status_code == 204  # one's own can still be deleted


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"code": "class-4b"}, 400, "consent"),
        ({"consent": True}, 400, "consent"),
        ({"consent": 99, "code": "class-4b"}, 409, "version 1"),
        ({"consent": 1, "code": 7}, 400, "code"),
        ({"consent": 1, "code": "x" * 41}, 400, "40"),
        ({"consent": 1, "code": "\ud800"}, 400, "printable"),
        ({"consent": 1, "code": "a\x00"}, 400, "printable"),
        ({"consent": 1, "kode": "x"}, 400, "class-4b"),
        ([], 400, "object"),
    ],
)
def test_a_wrong_request_to_take_part_is_refused(
    browser_client: Client, body: object, status: int, said: str
) -> None:
    open_session()
    answer = browser_client.post(PATH, body, content_type="application/json")
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_a_blank_drawing_is_refused_and_the_prompt_stays(browser_client: Client) -> None:
    open_session()
    join(browser_client)
    assert draw(browser_client, 0, blank_picture()).status_code == 422
    assert browser_client.get(PATH).json()["prompt"]["number"] == 0
    assert draw(browser_client, 0, ink=INK).status_code == 201


def test_the_page_shows_the_text_first_and_then_the_prompt(browser_client: Client) -> None:
    open_session()
    page = browser_client.get("/collect?code=class-4b").content.decode()
    assert "CC BY 4.0" in page
    assert 'value="class-4b"' in page
    join(browser_client)
    page = browser_client.get("/collect").content.decode()
    assert '"wanted": 20' in page
