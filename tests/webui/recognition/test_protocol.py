"""Raw bodies, headers, and errors in the API's own words."""

import base64
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.harness.drawings import SEVEN, draw_seven
from tests.webui.recognition.test_drawings import drawn
from webui.access.keys import create_key
from webui.access.rate import parse_rate
from webui.records.models import Record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
PATH = "/api/v1/predictions"
URL = "data:image/png;base64," + base64.b64encode(SEVEN).decode()
LIBRARY_WORDS = re.compile(
    r"Input should|Field required|Extra inputs|valid (integer|string|dict)|union|constrained|"
    r"boundary in|Invalid|padding|Unterminated|Expecting|Cannot parse|Value error|Only base64",
)


def message(response: Any, status: int = 400) -> str:
    error = response.json()["error"]
    assert response.status_code == status
    assert not LIBRARY_WORDS.search(error["message"]), error["message"]
    text: str = error["message"]
    return text


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_may_be_the_body(client: Client, format: str) -> None:
    picture = draw_seven(format=format)
    response = client.generic("POST", PATH, picture, content_type=f"image/{format.lower()}")
    assert response.status_code == 201
    assert bytes(Record.objects.get().picture) == picture


def test_a_body_that_is_no_picture_is_refused(client: Client) -> None:
    def post(body: bytes, kind: str) -> Any:
        return client.generic("POST", PATH, body, content_type=kind)

    assert "PNG, JPEG or WebP" in message(post(b"words", "image/png"), 415)
    assert "5 MB" in message(post(b"x" * (5 * 2**20 + 1), "image/png"), 413)
    assert "image/png, image/jpeg, image/webp" in message(post(SEVEN, "image/gif"), 415)


def test_two_pictures_in_a_form_are_refused(client: Client) -> None:
    files = [SimpleUploadedFile("a.png", SEVEN), SimpleUploadedFile("b.png", SEVEN)]
    assert '2 fields "image"' in message(client.post(PATH, {"image": files}))
    one = SimpleUploadedFile("a.png", SEVEN)
    assert '2 fields "ink"' in message(client.post(PATH, {"image": one, "ink": ["[]", "[]"]}))
    doubled = f'{{"image": "{URL}", "image": "{URL}"}}'
    assert "once" in message(client.post(PATH, doubled, content_type="application/json"))
    assert not Record.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        '{"image": "data:image/png;base64,AAA"}', '{"image": "data:image/png;base64,A@=="}',
        '{"image": "data:image/png;base64,\u00e9"}', '{"image": 3', '{"image": {}}', " ",
    ],
)  # fmt: skip
def test_malformed_bodies_are_explained_in_our_words(client: Client, body: str) -> None:
    message(client.post(PATH, body, content_type="application/json"))


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_malformed_forms_are_explained_in_our_words(client: Client, kind: str) -> None:
    message(client.generic("POST", PATH, b"--y\r\nwords", content_type=kind))


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ("{", "not JSON"),
        ("[]", '{"label": 7}'),
        ("null", '{"label": 7}'),
        ("{}", '"label" is missing; it must be 0 to 9, "not_a_digit" or null'),
        ('{"label": 10}', '"label" must be 0 to 9, "not_a_digit" or null'),
        ('{"label": "seven"}', '"label" must be 0 to 9'),
        ('{"label": true}', '"label" must be 0 to 9'),
        ('{"label": {"a": 1}}', '"label" must be 0 to 9'),
        ('{"label": 1, "note": "x"}', 'a field "note"; there is "label"'),
    ],
)
def test_malformed_corrections_are_explained_in_our_words(
    client: Client, body: str, right: str
) -> None:
    address = f"{drawn(client)}/correction"
    response = client.post(address, body, content_type="application/json")
    assert right in message(response)


def test_a_401_names_the_scheme() -> None:
    for given in ("Bearer dd_unknown", "Basic eDp5"):
        response = Client(headers={"Authorization": given}).get(PATH)
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Bearer ")


def test_a_405_names_the_methods(client: Client) -> None:
    response = client.put(PATH)
    assert response["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert message(response, 405) == "This address takes GET, HEAD, OPTIONS, POST, not PUT."
    assert message(client.generic("PURGE", PATH), 405).endswith(", not PURGE.")
    one = f"{PATH}/1e2538d7-e78e-11f1-b4de-b79d5bb442a2"
    assert client.patch(one)["Allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert client.get(f"{one}/correction")["Allow"] == "OPTIONS, POST"


def test_options_names_the_methods(client: Client) -> None:
    response = client.options(PATH)
    assert (response.status_code, response.content) == (204, b"")
    assert response["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert client.options("/api/v1/nothing").status_code == 404


def test_head_is_answered_as_get_without_the_body(client: Client) -> None:
    address = drawn(client)
    for path in (PATH, address, f"{address}/picture", f"{address}/ink"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head["Content-Type"] == get["Content-Type"]
    assert client.head(f"{address}/correction").status_code == 405


def test_a_slash_at_the_end_is_answered_with_the_right_address(client: Client) -> None:
    assert message(client.post(f"{PATH}/"), 404).endswith(f"use {PATH}.")
    assert "slash" not in message(client.get("/api/v1/nothing/"), 404)


def test_an_id_in_capitals_is_answered_with_the_right_address(client: Client) -> None:
    address = drawn(client)
    capitals = f"{PATH}/{address.rpartition('/')[2].upper()}"
    assert message(client.get(capitals), 404) == f"Addresses have no capitals; use {address}."


def test_a_text_in_place_of_the_file_is_explained(client: Client) -> None:
    assert "-F image=@" in message(client.post(PATH, {"image": "seven.png"}))


def test_a_wrong_host_is_explained(client: Client) -> None:
    assert "Host" in message(client.get(PATH, headers={"Host": "elsewhere.example"}))


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/"])
def test_the_start_of_all_addresses_leads_to_the_reference(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, "/api/v1/docs")


def quota(response: Any) -> dict[str, dict[str, int]]:
    """Return the items of `RateLimit-Policy` and `RateLimit`, by name."""
    items: dict[str, dict[str, int]] = {}
    for header in ("RateLimit-Policy", "RateLimit"):
        for item in response[header].split(", "):
            name, *values = item.split(";")
            pairs = (value.split("=") for value in values)
            items.setdefault(json.loads(name), {}).update({key: int(text) for key, text in pairs})
    return items


def test_answers_say_what_is_left_of_the_rate(browser_client: Client, settings: Any) -> None:
    settings.RATE_LIMIT = parse_rate("3/h")
    lefts = []
    for _ in range(4):
        response = browser_client.post(PATH, {"image": SimpleUploadedFile("a.png", SEVEN)})
        items = quota(response)
        assert set(items) == {"predict", "predict-address"}
        assert (items["predict"]["q"], items["predict"]["w"]) == (3, 3600)
        assert items["predict-address"]["q"] == 30
        lefts.append((response.status_code, items["predict"]["r"]))
    assert lefts == [(201, 2), (201, 1), (201, 0), (429, 0)]
    assert items["predict-address"]["r"] == 27  # a refused request is not counted
    # One more is left after a third of the hour, and Retry-After names the same instant.
    assert 1100 < items["predict"]["t"] <= int(response["Retry-After"]) <= 1200


def test_a_rate_that_is_hardly_used_says_when_the_next_request_is_added(settings: Any) -> None:
    settings.RATE_LIMIT = parse_rate("3/h")
    _, key = create_key(name="a program")
    client = Client(headers={"Authorization": f"Bearer {key}"})
    lefts = [quota(client.post(PATH, {}))["predict"] for _ in range(3)]
    assert [left["r"] for left in lefts] == [2, 1, 0]
    assert all(1100 < left["t"] <= 1200 for left in lefts)


def test_a_key_has_no_rate_of_an_address(settings: Any) -> None:
    settings.RATE_LIMIT = parse_rate("3/h")
    _, key = create_key(name="a program")
    response = Client(headers={"Authorization": f"Bearer {key}"}).post(PATH, {})
    items = quota(response)
    assert 1100 < items["predict"].pop("t") <= 1200
    assert items == {"predict": {"q": 3, "w": 3600, "r": 2}}


def test_without_a_cookie_the_rate_of_the_address_is_shown(settings: Any) -> None:
    settings.RATE_LIMIT = parse_rate("3/h")
    assert [quota(Client().post(PATH, {}))["predict"]["r"] for _ in range(2)] == [2, 1]


def test_without_a_limit_there_are_no_such_headers(client: Client, settings: Any) -> None:
    settings.RATE_LIMIT = None
    assert not client.post(PATH, {}).has_header("RateLimit")
    settings.RATE_LIMIT = parse_rate("3/h")
    assert not client.get(PATH).has_header("RateLimit")  # reading is not counted
