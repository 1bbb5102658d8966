"""Pages speak the browser's language; the API and the admin speak English."""

import json
import re
from typing import Any

import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db]
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


def catalog(response: Any) -> dict[str, str]:
    """Return the texts for scripts that a page holds."""
    found = re.search(r'<script id="catalog"[^>]*>(.*?)</script>', response.content.decode())
    texts: dict[str, str] = json.loads(found[1]) if found else {}
    return texts


@pytest.mark.parametrize(
    ("headers", "language", "heading"),
    [
        (GERMAN, "de", "Zeichne eine Ziffer"),
        ({"Accept-Language": "en-GB"}, "en", "Draw a digit"),
        ({"Accept-Language": "fr"}, "en", "Draw a digit"),
        ({}, "en", "Draw a digit"),
    ],
)
def test_the_page_is_in_the_browsers_language(
    headers: dict[str, str], language: str, heading: str
) -> None:
    response = Client().get("/", headers=headers)
    page = response.content.decode()
    assert f'<html lang="{language}">' in page
    assert f"<h1>{heading}</h1>" in page
    assert response["Content-Language"] == language
    assert "Accept-Language" in response["Vary"]


def test_only_a_translated_page_holds_a_catalog() -> None:
    assert catalog(Client().get("/", headers=GERMAN))["not a digit"] == "keine Ziffer"
    assert catalog(Client().get("/")) == {}


def test_an_unknown_address_is_explained_in_german() -> None:
    response = Client().get("/nirgends", headers=GERMAN)
    assert response.status_code == 404
    assert "Unter dieser Adresse ist nichts" in response.content.decode()


def test_a_failure_is_explained_in_german(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("webui.recognition.views.render", fail)
    response = Client(raise_request_exception=False).get("/", headers=GERMAN)
    assert response.status_code == 500
    assert "Bei uns ist etwas schiefgegangen" in response.content.decode()


@pytest.mark.parametrize("path", ["/collect", "/privacy", "/wall"])
def test_the_other_pages_are_german_too(path: str) -> None:
    page = Client().get(path, headers=GERMAN).content.decode()
    assert '<html lang="de">' in page
    assert "Zeichne eine Ziffer" in page or "Ziffern auf Ansage" in page


@pytest.mark.parametrize("path", ["/api/v1/docs", "/admin/login/"])
def test_reference_and_admin_stay_english(path: str) -> None:
    response = Client().get(path, headers=GERMAN)
    assert re.search(r'<html[^>]*lang="en', response.content.decode())
    assert "Accept-Language" not in response.get("Vary", "")


def test_errors_of_the_api_stay_english() -> None:
    response = Client().post("/api/v1/predictions", headers=GERMAN)
    assert response.json()["error"]["message"] == 'The file field "image" is missing.'
