"""The manifest and the service worker: what a browser needs to install the page."""

import json
import re
from io import BytesIO
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from PIL import Image
from pytest_django import Settings

from webui.recognition import installation

pytestmark = [pytest.mark.django_db]


def kept(client: Client) -> dict[str, Any]:
    """Return what the service worker says that it keeps."""
    script = client.get("/service-worker.js").content.decode()
    found = re.match(r"self\.KEPT = (\{.*\});\n", script)
    assert found
    facts: dict[str, Any] = json.loads(found[1])
    return facts


def test_the_manifest_names_page_and_icons_in_the_browsers_language(client: Client) -> None:
    response = client.get("/manifest.webmanifest", headers={"Accept-Language": "de"})
    assert response["Content-Type"] == "application/manifest+json"
    manifest = response.json()
    assert (manifest["lang"], manifest["name"]) == ("de", "Zeichne eine Ziffer")
    assert (manifest["start_url"], manifest["scope"]) == ("/", "/")
    for icon in manifest["icons"]:
        path = finders.find(icon["src"].removeprefix("/static/"))
        assert path is not None
        if icon["type"] == "image/png":
            with open(path, "rb") as file:  # noqa: PTH123
                image = Image.open(BytesIO(file.read()))
            assert icon["sizes"] == f"{image.width}x{image.height}"
    assert {icon.get("purpose") for icon in manifest["icons"]} == {None, "any", "maskable"}


def test_the_worker_keeps_the_page_and_the_files_that_it_names(client: Client) -> None:
    page = client.get("/").content.decode()
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css|svg))"', page))
    assert set(kept(client)["FILES"]) == named
    assert kept(client)["PAGE"] == "/"


def test_the_worker_is_checked_at_each_visit_and_may_fetch_from_this_site_alone(
    client: Client,
) -> None:
    response = client.get("/service-worker.js")
    assert response["Content-Type"].startswith("text/javascript")
    assert response["Cache-Control"] == "no-cache"
    assert "connect-src 'self'" in response["Content-Security-Policy"]


def test_a_change_of_the_page_changes_the_worker(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept(client)["VERSION"]
    assert kept(client)["VERSION"] == before
    monkeypatch.setattr(installation, "TEMPLATES", ("404.html",))
    installation._version.cache_clear()
    changed = kept(client)["VERSION"]
    installation._version.cache_clear()
    assert changed != before


def test_there_is_no_worker_while_names_do_not_change_with_the_content(client: Client) -> None:
    page = client.get("/").content.decode()
    assert 'data-service-worker=""' in page  # in tests, no files are collected
