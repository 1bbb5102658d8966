"""The same Idempotency-Key and body give the same answer and one record."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client

from tests.harness.drawings import SEVEN, blank_picture, draw_seven
from tests.harness.fake_model_server import SURE_SEVEN, FakeModelServer, Reply
from webui.access.keys import create_key
from webui.recognition import idempotency
from webui.recognition.models import KeyedRequest
from webui.records.models import Record
from webui.records.store import StoreUnavailable, store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
PATH = "/api/v1/predictions"
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


@pytest.fixture
def program() -> Client:
    return new_program("a program")


def new_program(name: str) -> Client:
    _, key = create_key(name=name)
    return Client(headers={"Authorization": f"Bearer {key}"})


def post(client: Client, key: str = KEY, picture: bytes = SEVEN, **fields: Any) -> Any:
    return client.post(
        PATH,
        {"image": SimpleUploadedFile("d.png", picture), **fields},
        headers={"Idempotency-Key": key},
    )


def error_code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_the_same_request_gets_the_same_answer_and_one_record(
    program: Client, model: FakeModelServer
) -> None:
    first = post(program)
    model.predictions = [[0.91] + [0.01] * 9]  # what a model says now does not matter
    again = post(program, f'"{KEY}"')  # the draft writes it in quotes
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert not first.has_header("Idempotent-Replayed")
    assert again["Idempotent-Replayed"] == "true"
    assert len(model.bodies) == Record.objects.count() == 1


def test_a_visitor_with_a_cookie_may_use_a_key(browser_client: Client) -> None:
    assert post(browser_client).json() == post(browser_client).json()
    assert Record.objects.count() == 1


def test_a_caller_whom_nothing_identifies_is_told(client: Client) -> None:
    response = post(client)
    assert error_code(response) == (400, "malformed_request")
    assert "API key" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "changed", [{"picture": draw_seven()}, {"ink": "[[[1, 2, 3]]]"}], ids=["picture", "ink"]
)
def test_another_body_is_a_conflict(program: Client, changed: dict[str, Any]) -> None:
    post(program)
    assert error_code(post(program, **changed)) == (409, "idempotency_key_reused")
    assert Record.objects.count() == 1


def test_a_key_is_the_callers_own(program: Client) -> None:
    post(program)
    assert post(new_program("another program")).status_code == 201
    assert Record.objects.count() == 2


@pytest.mark.parametrize("key", ["", '""', "a b", "é", "k" * 256])
def test_a_malformed_key_is_refused(program: Client, key: str) -> None:
    response = post(program, key)
    assert error_code(response) == (400, "malformed_request")
    assert "1 to 255" in response.json()["error"]["message"]


def test_an_error_is_not_kept(program: Client, model: FakeModelServer) -> None:
    model.on_request = lambda _path: Reply(503, {"error": "busy"})
    assert post(program).status_code == 503
    model.on_request = lambda _path: None
    assert post(program).status_code == 201
    assert post(program)["Idempotent-Replayed"] == "true"
    assert error_code(post(program, "b", blank_picture())) == (422, "blank_picture")
    assert error_code(post(program, "b", blank_picture())) == (422, "blank_picture")


def test_a_deleted_prediction_does_not_come_back(program: Client) -> None:
    program.delete(post(program)["Location"])
    assert error_code(post(program)) == (409, "prediction_deleted")
    assert not Record.objects.exists()


def test_an_attempt_that_was_killed_after_recording_is_resumed(program: Client) -> None:
    first = post(program)
    row = KeyedRequest.objects.get()
    KeyedRequest.objects.update(outcomes=None)  # as if it had been killed before it could answer
    assert error_code(post(program)) == (409, "request_in_progress")
    KeyedRequest.objects.update(busy_until=row.created_at)
    assert post(program).json() == first.json()
    assert Record.objects.count() == 1


@pytest.fixture
def yesterdays_key(program: Client, model: FakeModelServer) -> None:
    post(program)
    row = KeyedRequest.objects.get()
    KeyedRequest.objects.update(created_at=row.created_at - timedelta(days=1, seconds=1))


@pytest.mark.usefixtures("yesterdays_key")
def test_after_a_day_a_key_is_forgotten(program: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "_next_deletion", float("inf"))
    assert not post(program).has_header("Idempotent-Replayed")
    assert post(program).has_header("Idempotent-Replayed")
    assert Record.objects.count() == 2


@pytest.mark.usefixtures("yesterdays_key")
def test_keys_of_yesterday_are_deleted_once_a_minute(
    program: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "_next_deletion", 0.0)
    post(program, "another")
    assert KeyedRequest.objects.count() == 1
    KeyedRequest.objects.update(
        created_at=KeyedRequest.objects.get().created_at - timedelta(days=2)
    )
    post(program, "third")
    assert KeyedRequest.objects.count() == 2


def test_an_unavailable_database_is_not_guessed_over(
    program: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_arguments: Any, **_named: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(KeyedRequest.objects, "bulk_create", locked)
    assert error_code(post(program)) == (503, "store_unavailable")


def test_a_record_that_could_not_be_stored_is_made_once_later(
    program: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = store().append

    def stored_but_silent(record: Record) -> None:
        append(record)
        raise StoreUnavailable("no answer in time")

    with monkeypatch.context() as patch:
        patch.setattr(store(), "append", stored_but_silent)
        assert post(program).status_code == 503
    assert post(program).status_code == 201
    assert Record.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_duplicates_make_one_record(model: FakeModelServer) -> None:
    _, key = create_key(name="a program")
    headers = {"Authorization": f"Bearer {key}"}

    def slow(path: str) -> Reply | None:
        if path.endswith(":predict"):
            time.sleep(0.3)  # so that all requests arrive before the first is answered
        return None

    model.on_request = slow
    model.predictions = [SURE_SEVEN]
    responses: list[Any] = []

    def send() -> None:
        responses.append(post(Client(headers=headers)))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(response.status_code for response in responses)
    assert statuses == [201] + [409] * 5
    assert Record.objects.count() == 1
    waiting = next(response for response in responses if response.status_code == 409)
    assert error_code(waiting) == (409, "request_in_progress")
    assert waiting["Retry-After"] == "1"
    assert post(Client(headers=headers)).status_code == 201
    assert Record.objects.count() == 1
