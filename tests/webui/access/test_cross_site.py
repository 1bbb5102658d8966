"""Which callers may change things: this site's page, programs, nobody else's page."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.harness.drawings import SEVEN

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]


def post(client: Client, **headers: str) -> Any:
    return client.post(
        "/api/v1/predictions", {"image": SimpleUploadedFile("d.png", SEVEN)}, headers=headers
    )


def test_the_page_with_its_token(browser_client: Client) -> None:
    assert post(browser_client).status_code == 201


def test_the_page_without_or_with_another_token(browser_client: Client) -> None:
    for token in ("", "x" * 32):
        browser_client.defaults["HTTP_X_CSRFTOKEN"] = token
        response = post(browser_client)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "csrf_failed")


def test_cookies_of_the_page_need_the_token_even_without_browser_headers() -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/")
    assert post(client).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://testserver"},  # another scheme
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_with_or_without_cookies(
    browser_client: Client, headers: dict[str, str]
) -> None:
    for client in (browser_client, Client(enforce_csrf_checks=True)):
        response = post(client, **headers)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "cross_site")


def test_a_program_that_keeps_cookies() -> None:
    client = Client(enforce_csrf_checks=True)
    first = post(client)
    assert first.status_code == 201
    assert post(client).status_code == 201  # now with the visitor's cookie
    assert client.get(first["Location"]).status_code == 200
    assert client.delete(first["Location"]).status_code == 204


def test_the_cookie_is_not_for_scripts_nor_for_other_sites(client: Client) -> None:
    cookie = client.get("/").cookies["visitor"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["secure"]  # plain http on localhost
