"""Readings: the answer to a drawing that is not finished, of which nothing is kept."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.harness.drawings import SEVEN, blank_picture
from webui.access.rate import parse_rate
from webui.records.models import Record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
PREDICTIONS, READINGS = "/api/v1/predictions", "/api/v1/readings"


def post(client: Client, path: str, picture: bytes = SEVEN) -> Any:
    return client.post(path, {"image": SimpleUploadedFile("d.png", picture)})


def test_a_reading_is_the_answer_without_an_id_and_is_not_recorded(client: Client) -> None:
    response = post(client, READINGS)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert not Record.objects.exists()
    prediction = post(client, PREDICTIONS).json()
    reading = response.json()
    assert set(prediction) - set(reading) == {"id", "recorded"}
    for name in set(reading) - {"predicted_at"}:
        assert reading[name] == prediction[name]


def test_a_blank_sheet_has_no_reading(client: Client) -> None:
    response = post(client, READINGS, blank_picture())
    assert (response.status_code, response.json()["error"]["code"]) == (422, "blank_picture")


def test_readings_have_a_rate_limit_of_their_own(browser_client: Client, settings: Any) -> None:
    settings.READING_RATE_LIMIT = parse_rate("2/m")
    assert [post(browser_client, READINGS).status_code for _ in range(3)] == [200, 200, 429]
    assert post(browser_client, PREDICTIONS).status_code == 201
    message = post(browser_client, READINGS).json()["error"]["message"]
    assert message.startswith("That was more than 2 requests a minute; please wait ")


def test_other_sites_pages_get_no_reading(browser_client: Client) -> None:
    browser_client.defaults["HTTP_ORIGIN"] = "https://elsewhere.example"
    assert post(browser_client, READINGS).status_code == 403
