"""The page /api/v1/docs: complete, our own, and cheap to load again."""

import html
import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from tests.harness import ROOT
from webui.access.rate import parse_rate

PATH = "/api/v1/docs"


@pytest.fixture
def page(client: Client) -> str:
    response = client.get(PATH)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_every_call_parameter_and_error_is_on_the_page(client: Client, page: str) -> None:
    document = client.get("/api/v1/openapi.json").json()
    plain = page.replace("<wbr>", "")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f'<span class="method">{method.upper()}</span> <code>{path}</code>' in plain
            assert operation["summary"] in page
            for parameter in operation.get("parameters", []):
                assert parameter["description"] in page
            for response in operation["responses"].values():
                content = response.get("content", {}).get("application/json", {})
                for code in content.get("examples", {}):
                    assert f"<code>{code}</code>" in page


def test_documentation_and_page_have_the_same_calls_and_codes(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    written = (ROOT / "docs" / "api.md").read_text()
    responses = list(document["components"]["responses"].values())
    for path, operations in document["paths"].items():
        short = path.removeprefix("/api/v1").replace("prediction_id", "id")
        for method, operation in operations.items():
            assert f"`{method.upper()} {short}`" in written, f"docs/api.md lacks {method} {short}"
            responses += operation["responses"].values()
    codes = {
        code
        for response in responses
        for code in response.get("content", {}).get("application/json", {}).get("examples", {})
    }
    assert codes <= set(re.findall(r"`(\w+)`", written))


def test_nothing_comes_from_elsewhere(client: Client, page: str) -> None:
    assert not re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', page)
    assert "style=" not in page
    assert "<script>" not in page
    policy = client.get(PATH)["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", [PATH, "/api/v1/openapi.json"])
def test_it_is_loaded_again_only_after_a_change(client: Client, path: str) -> None:
    first = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert first["Content-Encoding"] == "gzip"
    again = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.post(path).status_code == 405


def test_the_page_names_the_rates_of_the_site(client: Client, settings: Settings) -> None:
    settings.RATE_LIMIT = parse_rate("7/h")
    assert "7 requests an hour for predictions" in client.get(PATH).content.decode()
    settings.RATE_LIMIT = settings.READING_RATE_LIMIT = None
    assert "limits no rate" in client.get(PATH).content.decode()


def test_the_snippets_name_the_address_that_was_asked(client: Client) -> None:
    page = client.get(PATH, headers={"Host": "localhost:8123"}).content.decode()
    assert "http://localhost:8123/api/v1/predictions" in page


def test_the_readme_and_the_page_lead_here(client: Client) -> None:
    assert 'href="/api/v1/docs"' in client.get("/").content.decode()
    assert "/api/v1/docs" in Path(ROOT / "README.md").read_text()
