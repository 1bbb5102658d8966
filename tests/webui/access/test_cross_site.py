"""The API accepts changes from this site's page and from programs, not from other sites' pages."""

import pytest
from django.test import Client

from tests.webui.predictions import post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]


def test_the_page_with_its_token_is_accepted(browser_client: Client) -> None:
    assert post(browser_client).status_code == 201


@pytest.mark.parametrize("token", ["", "x" * 32])
def test_a_missing_or_wrong_token_is_refused(browser_client: Client, token: str) -> None:
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
def test_another_sites_page_is_refused_with_or_without_cookies(
    browser_client: Client, headers: dict[str, str]
) -> None:
    for client in (browser_client, Client(enforce_csrf_checks=True)):
        response = post(client, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "cross_site")


def test_a_program_with_a_cookie_jar_is_accepted() -> None:
    client = Client(enforce_csrf_checks=True)
    first = post(client)
    assert first.status_code == 201
    assert post(client).status_code == 201  # now with the visitor's cookie
    assert client.get(first["Location"]).status_code == 200
    assert client.delete(first["Location"]).status_code == 204


def test_scripts_and_other_sites_cannot_use_the_cookie(client: Client) -> None:
    cookie = client.get("/").cookies["visitor"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["secure"]  # plain http on localhost
