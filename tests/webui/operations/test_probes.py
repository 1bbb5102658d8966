"""Probes, metrics and the headers of every response."""

import threading
import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from tests.harness.fake_model_server import FakeModelServer
from tests.webui.predictions import post
from webui.environment import Environment
from webui.operations.metrics_access import read_token
from webui.records.store import StoreUnavailable, store

pytestmark = pytest.mark.django_db

TOKEN = "for-this-test-0123456789"


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


def test_readyz_does_not_wait_long_for_a_frozen_model_server(
    client: Client, model: FakeModelServer
) -> None:
    thaw = threading.Event()

    def freeze(_path: str) -> None:
        thaw.wait(30)

    model.on_request = freeze
    started = time.monotonic()
    response = client.get("/readyz")
    waited = time.monotonic() - started
    thaw.set()
    assert response.status_code == 503
    assert not response.json()["model"]["ready"]
    assert waited < 5  # 1.0 s measured


@pytest.mark.usefixtures("dead_model")
def test_readyz_fails_without_a_model(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert not response.json()["model"]["ready"]
    assert response.has_header("Retry-After")


def test_metrics_are_off_without_a_token(client: Client) -> None:
    response = client.get("/metrics", headers={"Authorization": "Bearer "})
    assert response.status_code == 403
    assert b"METRICS_TOKEN" in response.content


@pytest.mark.parametrize("given", ["", TOKEN, "Basic " + TOKEN, "Bearer x", "Bearer " + TOKEN[:-1]])
def test_metrics_need_the_token(client: Client, settings: Settings, given: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    response = client.get("/metrics", headers={"Authorization": given})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert b"digits_" not in response.content


def test_a_token_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(
        ImproperlyConfigured, match="METRICS_TOKEN is 15 characters long; it must be"
    ):
        read_token(Environment({"METRICS_TOKEN": "a" * 15}))


@pytest.mark.usefixtures("model")
def test_metrics_count_by_verdict_version_and_code(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    post(client)
    post(client, b"x")
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
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


@pytest.mark.usefixtures("dead_model")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nowhere", 404),
        ("PUT", "/api/v1/predictions", 405),
        ("POST", "/api/v1/predictions", 415),
        ("GET", "/healthz", 200),
        ("POST", "/healthz", 405),
        ("GET", "/readyz", 503),
        ("GET", "/metrics", 403),
        ("GET", "/static/recognition/page.css", 200),
        ("GET", "/static/nowhere.css", 404),
    ],
)
def test_headers_of_what_is_no_page(client: Client, method: str, path: str, status: int) -> None:
    response = client.generic(method, path)
    response.close()  # a static file's
    assert response.status_code == status
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert "camera=()" in response["Permissions-Policy"]


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(client: Client) -> None:
    text = client.get("/").content.decode()
    assert ">predict it</button>" in text
    assert ">clear it</button>" in text
    for foreign in ("<style", "style=", "onclick", "http://", "https://", "<script>"):
        assert foreign not in text
