"""Costs of a prediction that can be counted: SQL statements, and bytes to the model server.

A change that adds one shows here, whatever the machine's load; docs/performance.md has the times.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.harness.drawings import SEVEN
from tests.harness.fake_model_server import FakeModelServer
from tests.webui.predictions import PATH
from webui.recognition import idempotency
from webui.rollout.canary import shares

# Real transactions: a record is then written as on a running site.
pytestmark = pytest.mark.django_db(transaction=True)
TRANSACTION = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
BODY_BYTES = 5294  # of SEVEN's instance, as float32; Python's json would make 6,100 of it


@pytest.fixture
def statements(
    client: Client, model: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """A function that posts a drawing and returns its statements, as verb and table."""
    client.post(PATH, SEVEN, content_type="image/png")  # the first gets the visitor's cookie
    # The shares of canary and shadow are read every two seconds, by one of all requests.
    monkeypatch.setattr(shares, "_expires", float("inf"))
    # Yesterday's keys are deleted once a minute.
    monkeypatch.setattr(idempotency, "_next_deletion", float("inf"))

    def post(path: str = PATH, by: Client = client, **headers: Any) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            answer = by.post(path, SEVEN, content_type="image/png", headers=headers)
        assert answer.status_code in (200, 201)
        return [
            _verb_and_table(query["sql"])
            for query in queries
            if not query["sql"].startswith(TRANSACTION)
        ]

    return post


def _verb_and_table(sql: str) -> str:
    """Return like "INSERT record_data"; the table is the first name that is no column."""
    words = sql.replace('"', "").split()
    before = {"INSERT": "INTO", "SELECT": "FROM", "DELETE": "FROM", "UPDATE": "UPDATE"}[words[0]]
    return f"{words[0]} {words[words.index(before) + 1]}"


def test_a_prediction_is_one_statement(statements: Callable[..., list[str]]) -> None:
    """Who asks is in the cookie, rates are counted in a file of their own, labels are cached."""
    assert statements() == ["INSERT record_data"]


def test_a_reading_is_none(statements: Callable[..., list[str]]) -> None:
    assert statements("/api/v1/readings") == []


def test_a_repeatable_prediction_takes_a_row_of_its_key(
    statements: Callable[..., list[str]],
) -> None:
    """The key is claimed before the record is made, and gets the outcome afterwards."""
    assert statements(**{"Idempotency-Key": "once"}) == [
        "INSERT keyed_requests",  # unless another request has it
        "SELECT keyed_requests",  # which of the two it is
        "INSERT record_data",
        "UPDATE keyed_requests",  # a repetition is answered the same
    ]


def test_who_is_signed_in_costs_two_more(
    statements: Callable[..., list[str]], admin_client: Client
) -> None:
    """The line in the log names the member of staff."""
    admin_client.post(PATH, SEVEN, content_type="image/png")
    assert statements(by=admin_client) == [
        "INSERT record_data", "SELECT django_session", "SELECT auth_user"
    ]  # fmt: skip


def test_the_model_server_is_asked_once_on_an_open_connection(
    statements: Callable[..., list[str]], model: FakeModelServer
) -> None:
    model.requests.clear()
    before = model.connections
    statements()
    assert model.requests == ["/v1/models/digits/versions/4:predict"]
    assert model.connections == before
    assert model.body_bytes[-1] == BODY_BYTES
