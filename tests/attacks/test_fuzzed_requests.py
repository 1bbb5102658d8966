"""10,000 hostile requests get documented answers, and good requests theirs."""

import time
from collections import Counter
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from tests.attacks.mutations import Request, hostile_requests
from tests.harness.drawings import SEVEN
from webui.records.models import Record

PATH = "/api/v1/predictions"
COUNT = 10_000
SEED = 17
SECONDS = 300  # measured: 100; a slow machine sends fewer
FEWEST = 1_000
GOOD_EVERY = 100
ANSWERS = {201, 400, 413, 415, 422}  # docs/api.md


def send(client: Client, request: Request) -> Any:
    return client.generic("POST", PATH, request.body, content_type=request.content_type)


def send_good(client: Client) -> Any:
    return client.post(PATH, {"image": SimpleUploadedFile("d.png", SEVEN)})


@pytest.mark.django_db
@pytest.mark.usefixtures("model")
def test_fuzzed_requests_get_documented_answers(settings: Settings) -> None:
    settings.RATE_LIMIT = None
    client = Client(raise_request_exception=False)
    statuses: Counter[int] = Counter()
    recorded = 0
    deadline = time.monotonic() + SECONDS
    for number, request in enumerate(hostile_requests(seed=SEED, count=COUNT)):
        response = send(client, request)
        assert response.status_code in ANSWERS, (number, request.body[:200], response.content)
        statuses[response.status_code] += 1
        if number % GOOD_EVERY == 0:
            answer = send_good(client)
            assert (answer.status_code, answer.json()["digit"]) == (201, 7)
            recorded += 1
            if time.monotonic() > deadline:
                break
    assert statuses.total() >= FEWEST
    assert set(statuses) >= {201, 400, 415}  # hostile, but not so much that nothing is read
    assert Record.objects.count() == statuses[201] + recorded
    print(f"{statuses.total()} requests: {dict(statuses)}")
