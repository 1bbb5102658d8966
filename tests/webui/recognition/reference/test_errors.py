"""Each error that the reference shows is provoked, and says what the reference says."""

import threading
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from serving.preprocessing import DecodingBusy
from tests.harness.drawings import SEVEN, blank_picture
from tests.harness.fake_model_server import FakeModelServer
from webui.access.keys import create_key
from webui.access.models import ApiKey
from webui.access.rate import parse_rate
from webui.access.rate_limits import limiter
from webui.recognition import services
from webui.recognition.reference.errors import ERRORS
from webui.records.store import StoreUnavailable

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
PATH = "/api/v1/predictions"
BATCH = f"{PATH}:batch"
NOWHERE = f"{PATH}/1e2538d7-e78e-11f1-b4de-b79d5bb442a2"
KEY: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "k"}


def program() -> Client:
    """Return a client with an API key, which gets an answer to a fault, too."""
    _, key = create_key(name="a program")
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {key}"})


def post(client: Client, picture: bytes = SEVEN, **headers: Any) -> Any:
    return client.post(PATH, {"image": SimpleUploadedFile("a.png", picture)}, **headers)


def as_documented(response: Any, code: str) -> None:
    """Check that an answer is one of the reference's, word for word."""
    error = response.json()["error"]
    said = (response.status_code, error["code"], error["message"])
    assert said in {(each.status, each.code, each.message) for each in ERRORS}
    assert error["code"] == code
    if any(each.retry for each in ERRORS if each.message == error["message"]):
        assert int(response["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("path", "body"),
    [(BATCH, {"drawings": []}), (f"{NOWHERE}/correction", {"label": 10})],
)
def test_wrong_bodies(client: Client, path: str, body: dict[str, Any]) -> None:
    as_documented(client.post(path, body, "application/json"), "malformed_request")


def test_wrong_parameters(client: Client) -> None:
    as_documented(client.post(PATH, {}), "malformed_request")
    as_documented(client.get(f"{PATH}?limit=0"), "malformed_request")


def test_callers_who_may_not(client: Client, browser_client: Client) -> None:
    unknown: dict[str, Any] = {"HTTP_AUTHORIZATION": "Bearer dd_unknown"}
    as_documented(client.get(PATH, **unknown), "bad_api_key")
    as_documented(post(browser_client, HTTP_SEC_FETCH_SITE="cross-site"), "cross_site")
    as_documented(post(browser_client, HTTP_X_CSRFTOKEN=""), "csrf_failed")
    as_documented(client.get(NOWHERE), "not_found")


def test_idempotency_keys() -> None:
    client = program()
    address = post(client, **KEY)["Location"]
    as_documented(post(client, blank_picture(), **KEY), "idempotency_key_reused")
    client.delete(address)
    as_documented(post(client, **KEY), "prediction_deleted")


@pytest.mark.django_db(transaction=True)
def test_a_request_in_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    client, begun, go_on = program(), threading.Event(), threading.Event()
    recognise = services.recognise

    def slowly(**named: Any) -> services.Prediction:
        begun.set()
        assert go_on.wait(60)
        return recognise(**named)

    monkeypatch.setattr(services, "recognise", slowly)
    first = threading.Thread(target=post, args=(client,), kwargs=KEY)
    first.start()
    try:
        assert begun.wait(60)
        as_documented(post(client, **KEY), "request_in_progress")
    finally:
        go_on.set()
        first.join()


def test_pictures_that_are_none(client: Client) -> None:
    too_large: dict[str, Any] = {"CONTENT_LENGTH": str(9 * 2**20)}
    as_documented(post(client, **too_large), "too_large")
    as_documented(post(client, b"words"), "not_a_picture")
    as_documented(client.post(PATH, "words", "text/plain"), "unsupported_media_type")
    as_documented(client.post(BATCH, {}), "unsupported_media_type")
    as_documented(post(client, blank_picture()), "blank_picture")


def test_a_rate_that_is_used_up(settings: Settings) -> None:
    settings.RATE_LIMIT = rate = parse_rate("120/m")
    assert rate is not None
    client = program()
    limiter().wait_for_all([(f"predict key:{ApiKey.objects.get().pk}", rate)], units=rate.count)
    as_documented(post(client), "rate_limited")


@pytest.mark.usefixtures("dead_model")
def test_no_model() -> None:
    as_documented(post(program()), "model_unavailable")


def test_an_unusable_answer(model: FakeModelServer) -> None:
    model.predictions = [[0.5] * 10]  # no probabilities: they add up to 5
    as_documented(post(program()), "model_answer_unusable")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (DecodingBusy(), "busy"),
        (StoreUnavailable("a test"), "store_unavailable"),
        (OperationalError("a test"), "unavailable"),
        (RuntimeError("a test"), "internal_error"),
    ],
)
def test_faults(monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str) -> None:
    def fail(**_named: Any) -> None:
        raise fault

    monkeypatch.setattr(services, "recognise", fail)
    as_documented(post(program()), code)
