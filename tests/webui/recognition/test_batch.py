"""Many drawings in one request."""

import base64
from typing import Any

import pytest
from django.test import Client

from tests.harness.drawings import SEVEN, blank_picture, draw_seven
from tests.harness.fake_model_server import SURE_SEVEN, FakeModelServer
from webui.access.rate import parse_rate
from webui.records.models import Record
from webui.records.store import StoreUnavailable, store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
PATH = "/api/v1/predictions:batch"
INK = [[[1, 2, 0], [3.5, 4, 16]]]


def drawing(picture: bytes = SEVEN, **more: Any) -> dict[str, Any]:
    return {"image": "data:image/png;base64," + base64.b64encode(picture).decode(), **more}


def post(client: Client, drawings: Any, **named: Any) -> Any:
    return client.post(PATH, {"drawings": drawings}, content_type="application/json", **named)


def test_each_drawing_has_its_answer_or_error_in_its_place(
    client: Client, model: FakeModelServer
) -> None:
    model.predictions = [SURE_SEVEN, [0.91] + [0.01] * 9]
    response = post(
        client,
        [drawing(ink=INK), drawing(blank_picture()), {"image": 3}, drawing(), drawing(b"words"), 7],
    )
    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 400, 201, 415, 400]
    assert [results[place]["prediction"]["digit"] for place in (0, 3)] == [7, 0]
    assert results[1]["error"]["code"] == "blank_picture"
    assert "data URL" in results[2]["error"]["message"]
    assert len(model.bodies) == 1  # one call to the model
    assert len(model.bodies[0]) == Record.objects.count() == 2
    made = results[0]["prediction"]
    assert client.get(f"/api/v1/predictions/{made['id']}").json()["id"] == made["id"]
    assert client.get(f"/api/v1/predictions/{made['id']}/ink").json() == {"ink": INK}


def test_64_drawings_are_taken_and_65_are_not(client: Client, model: FakeModelServer) -> None:
    model.predictions = [SURE_SEVEN] * 64
    assert len(post(client, [drawing()] * 64).json()["results"]) == 64
    refused = post(client, [drawing()] * 65)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    assert Record.objects.count() == 64


@pytest.mark.parametrize("drawings", [[], {}, None, "x"])
def test_a_body_without_drawings_is_refused(client: Client, drawings: Any) -> None:
    response = post(client, drawings)
    assert response.status_code == 400
    assert '{"drawings": [' in response.json()["error"]["message"]


def test_other_bodies_and_a_key_are_refused(client: Client) -> None:
    assert client.post(PATH, {"image": "x"}).status_code == 415
    assert post(client, [drawing()], headers={"Idempotency-Key": "a"}).status_code == 400
    assert not Record.objects.exists()


def test_each_drawing_counts_for_the_rate(
    browser_client: Client, model: FakeModelServer, settings: Any
) -> None:
    settings.RATE_LIMIT = parse_rate("5/h")
    model.predictions = [SURE_SEVEN] * 3
    answered = post(browser_client, [drawing()] * 3)
    assert answered["RateLimit"].startswith('"predict";r=2;')
    refused = post(browser_client, [drawing()] * 3)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert Record.objects.count() == 3
    assert post(browser_client, [drawing()] * 9).status_code in (413, 429)


def test_a_batch_has_smaller_pictures(client: Client) -> None:
    (result,) = post(client, [drawing(draw_seven(1500))]).json()["results"]
    assert (result["status"], result["error"]["code"]) == (413, "too_large")


@pytest.mark.usefixtures("dead_model")
def test_without_a_model_nothing_is_recorded(client: Client) -> None:
    response = post(client, [drawing()] * 2)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "model_unavailable")
    assert not Record.objects.exists()


def test_a_record_that_is_not_stored_is_an_error_in_its_place(
    client: Client, model: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.predictions = [SURE_SEVEN] * 2
    append = store().append
    records: list[Record] = []

    def full_after_one(record: Record) -> Any:
        records.append(record)
        if len(records) > 1:
            raise StoreUnavailable("the disk is full")
        return append(record)

    monkeypatch.setattr(store(), "append", full_after_one)
    results = post(client, [drawing()] * 2).json()["results"]
    assert [result["status"] for result in results] == [201, 503]
    assert results[1]["error"]["code"] == "store_unavailable"
