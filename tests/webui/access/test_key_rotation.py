"""A visitor keeps cookie and drawings when the secret key is changed."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.harness.drawings import SEVEN
from webui.access.rate import parse_rate
from webui.access.visitors import COOKIE
from webui.records.models import Record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]

OLD, NEW, NEWEST = (f"{name}-only-for-tests-0123456789-abcdefghijklmnopqrst" for name in "abc")
PATH = "/api/v1/predictions"


def draw(client: Client) -> str:
    """Returns the address of a new prediction."""
    made = client.post(PATH, {"image": SimpleUploadedFile("d.png", SEVEN)})
    assert made.status_code == 201
    return str(made["Location"])


def change_key(settings: Any, key: str) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    settings.SECRET_KEY = key


@pytest.fixture(autouse=True)
def old_key(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []


def test_a_visitor_reaches_the_drawings_of_every_key(settings: Any, client: Client) -> None:
    drawings = [draw(client)]
    for key in (NEW, NEWEST):
        change_key(settings, key)
        assert client.get(drawings[0]).status_code == 200  # also before the cookie is replaced
        drawings.append(draw(client))
    assert [client.get(path).status_code for path in drawings] == [200] * 3
    assert len(client.get(PATH).json()["predictions"]) == 3
    assert len(set(Record.objects.values_list("visitor"))) == 1
    settings.SECRET_KEY_FALLBACKS = []
    assert [client.get(path).status_code for path in drawings] == [200] * 3
    stranger = Client()
    draw(stranger)
    assert [stranger.get(path).status_code for path in drawings] == [404] * 3
    corrected = client.post(
        f"{drawings[0]}/correction", json.dumps({"label": 3}), content_type="application/json"
    )
    assert corrected.status_code == 200
    assert client.delete(drawings[0]).status_code == 204


def test_a_cookie_that_skipped_a_key_is_accepted(settings: Any, client: Client) -> None:
    path = draw(client)
    for key in (NEW, NEWEST):
        change_key(settings, key)
    assert client.get(path).status_code == 200
    draw(client)
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(path).status_code == 200


def test_another_visitors_hash_cannot_be_put_into_a_cookie(settings: Any, client: Client) -> None:
    path = draw(client)
    change_key(settings, NEW)
    thief = Client()
    thief.get("/")
    name, signature = thief.cookies[COOKIE].value.split(":")
    thief.cookies[COOKIE] = f"{name}.{Record.objects.get().visitor}:{signature}"
    assert thief.get(path).status_code == 404


@pytest.mark.parametrize("renewed_by", ["page", "prediction"])
def test_the_cookie_is_signed_anew_and_outlives_the_old_key(
    settings: Any, client: Client, renewed_by: str
) -> None:
    draw(client)
    before = client.cookies[COOKIE].value
    change_key(settings, NEW)
    made_now = draw(client) if renewed_by == "prediction" else ""
    if renewed_by == "page":
        client.get("/")
        made_now = draw(client)
    after = client.cookies[COOKIE].value
    assert after != before
    assert after.split(".")[0] == before.split(":")[0]  # the same name
    assert COOKIE not in client.get("/").cookies  # once
    settings.SECRET_KEY_FALLBACKS = []  # the old key is forgotten
    assert client.get(made_now).status_code == 200


def test_without_the_old_key_the_visitor_is_a_new_one(settings: Any, client: Client) -> None:
    path = draw(client)
    settings.SECRET_KEY = NEW
    assert client.get(path).status_code == 404


def test_a_renewed_cookie_does_not_count_as_a_visitor_without_one(settings: Any) -> None:
    visitors = [Client() for _ in range(3)]
    for visitor in visitors:
        visitor.get("/")
    change_key(settings, NEW)
    settings.RATE_LIMIT = parse_rate("1/h")  # so one without a cookie may be answered
    for visitor in visitors:
        draw(visitor)


def test_staff_stay_logged_in(settings: Any, client: Client) -> None:
    keeper = User.objects.create_superuser("keeper", password="crisp-otter-70141")
    client.force_login(keeper)
    change_key(settings, NEW)
    assert client.get("/admin/").status_code == 200
