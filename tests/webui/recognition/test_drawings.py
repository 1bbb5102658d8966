"""Picture and ink of a prediction, by GET, for whom the prediction is."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.harness.drawings import SEVEN, draw_seven
from tests.webui.predictions import PATH, post
from webui.access.keys import create_key
from webui.records.models import Record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
INK = [[[1, 2, 0], [3.5, 4, 16]]]


def drawn(client: Client, picture: bytes = SEVEN, **fields: Any) -> str:
    """Return the address of a new prediction."""
    response = post(client, picture, **fields)
    address: str = response["Location"]
    return address


def test_picture_and_ink_come_back_as_they_were_sent(client: Client) -> None:
    address = drawn(client, ink=json.dumps(INK))
    picture = client.get(f"{address}/picture")
    assert (picture.status_code, picture.content) == (200, SEVEN)
    ink = client.get(f"{address}/ink")
    assert (ink.status_code, ink.json()) == (200, {"ink": INK})
    assert "no-store" in ink["Cache-Control"]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_has_its_own_type_and_can_only_be_shown(client: Client, format: str) -> None:
    response = client.get(drawn(client, draw_seven(format=format)) + "/picture")
    assert response["Content-Type"] == f"image/{format.lower()}"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))


def test_without_ink_the_answer_is_null(client: Client) -> None:
    assert client.get(drawn(client) + "/ink").json() == {"ink": None}


@pytest.mark.parametrize("part", ["picture", "ink"])
def test_only_the_visitor_and_an_api_key_get_them(client: Client, part: str) -> None:
    address = f"{drawn(client)}/{part}"
    assert Client().get(address).status_code == 404
    _, key = create_key(name="a program")
    assert Client(headers={"Authorization": f"Bearer {key}"}).get(address).status_code == 200
    missing = f"{PATH}/1e2538d7-e78e-11f1-b4de-b79d5bb442a2/{part}"
    assert client.get(missing).json()["error"]["code"] == "not_found"


def test_a_picture_that_has_expired_is_not_found(client: Client) -> None:
    address = drawn(client)
    Record.objects.update(picture=b"")  # as in Cassandra after CASSANDRA_PICTURES_TTL_DAYS
    response = client.get(f"{address}/picture")
    assert response.status_code == 404
    assert "no longer kept" in response.json()["error"]["message"]
