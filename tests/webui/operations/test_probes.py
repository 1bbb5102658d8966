"""Probes, metrics and the headers of every response."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.harness.drawings import SEVEN
from webui.records.store import StoreUnavailable, store

pytestmark = pytest.mark.django_db


def test_healthz_answers_to_any_host_name(client: Client) -> None:
    response = client.get("/healthz", headers={"Host": "10.1.2.3"})
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert client.post("/healthz").status_code == 405


@pytest.mark.usefixtures("model")
def test_readyz_names_each_part(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["model"]["version"] == 4
    assert response.json()["store"]["ready"]

    def unwritable() -> None:
        raise StoreUnavailable("read-only")

    monkeypatch.setattr(store(), "check", unwritable)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["model"]["ready"]
    assert not response.json()["store"]["ready"]


@pytest.mark.usefixtures("dead_model")
def test_readyz_fails_without_a_model(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert not response.json()["model"]["ready"]
    assert response.has_header("Retry-After")


@pytest.mark.usefixtures("model")
def test_metrics_count_by_verdict_version_and_code(client: Client) -> None:
    client.post("/api/v1/predictions", {"image": SimpleUploadedFile("d.png", SEVEN)})
    client.post("/api/v1/predictions", {"image": SimpleUploadedFile("d.png", b"x")})
    text = client.get("/metrics").content.decode()
    for line in (
        'digits_predictions_total{label="stable",recorded="stored",verdict="digit",version="4"}',
        'digits_api_errors_total{code="not_a_picture"}',
        'digits_prediction_stage_seconds_count{stage="model"}',
        "digits_records_waiting 0.0",
    ):
        assert line in text


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/api/v1/openapi.json"])
def test_headers_of_every_page(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    assert response["X-Request-ID"]


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(client: Client) -> None:
    text = client.get("/").content.decode()
    assert ">predict it</button>" in text
    assert ">clear it</button>" in text
    for foreign in ("<style", "style=", "onclick", "http://", "https://", "<script>"):
        assert foreign not in text
