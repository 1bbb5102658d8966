"""The list of a caller's own predictions, with cursors and filters."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.webui.recognition.test_drawings import drawn
from tests.webui.records.factory import NOON, make_record
from webui.access.keys import create_key
from webui.records.models import Record
from webui.records.store import store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
PATH = "/api/v1/predictions"


def program() -> tuple[Client, str]:
    """Return a client with an API key, and the visitor of its records."""
    entry, key = create_key(name="a program")
    return Client(headers={"Authorization": f"Bearer {key}"}), f"key:{entry.pk}"


def append(count: int, **changed: Any) -> list[Record]:
    """Append records, an hour apart; return them newest first."""
    records = [make_record(at=NOON + timedelta(hours=hour), **changed) for hour in range(count)]
    for record in records:
        store().append(record)
    return records[::-1]


def ids(document: Any) -> list[str]:
    return [prediction["id"] for prediction in document["predictions"]]


def test_a_visitor_lists_the_own_predictions_newest_first(client: Client) -> None:
    addresses = [drawn(client) for _ in range(3)]
    drawn(Client())
    response = client.get(PATH)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    document = response.json()
    assert [f"{PATH}/{one}" for one in ids(document)] == addresses[::-1]
    assert document["predictions"][0] == client.get(addresses[2]).json()
    assert (document["older"], document["newer"]) == (None, None)


def test_who_has_made_none_gets_an_empty_list(client: Client) -> None:
    drawn(Client())
    assert client.get(PATH).json() == {"predictions": [], "older": None, "newer": None}
    assert ids(program()[0].get(PATH).json()) == []


def test_a_key_lists_only_what_was_made_with_it() -> None:
    client, visitor = program()
    append(2)
    records = append(2, visitor=visitor)
    assert ids(client.get(PATH).json()) == [str(record.id) for record in records]


def test_cursors_lead_through_all_pages_and_back() -> None:
    client, visitor = program()
    expected = [str(record.id) for record in append(5, visitor=visitor)]
    first = client.get(PATH, {"limit": 2}).json()
    second = client.get(PATH, {"limit": 2, "older": first["older"]}).json()
    third = client.get(PATH, {"limit": 2, "older": second["older"]}).json()
    assert ids(first) + ids(second) + ids(third) == expected
    assert (first["newer"], third["older"]) == (None, None)
    assert client.get(PATH, {"limit": 2, "newer": third["newer"]}).json() == second


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({"digit": 3}, [0, 2]),
        ({"verdict": "unsure"}, [1]),
        ({"version": 1}, [0, 1, 2]),
        ({"version": 9}, []),
        ({"day": "2026-03-14"}, [0, 1, 2]),
        ({"day": "today"}, []),
        ({"digit": 3, "verdict": "digit", "day": "2026-03-14", "version": 1}, [0, 2]),
    ],
)
def test_filters_are_the_admins(query: dict[str, Any], kept: list[int]) -> None:
    client, visitor = program()
    answers = ((3, "digit"), (4, "unsure"), (3, "digit"))
    records = [
        make_record(
            at=NOON + timedelta(hours=hour),
            visitor=visitor,
            model_version=1,
            digit=digit,
            verdict=verdict,
        )
        for hour, (digit, verdict) in enumerate(answers)
    ][::-1]
    for record in records:
        store().append(record)
    assert ids(client.get(PATH, query).json()) == [str(records[place].id) for place in kept]


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("digit=10", "0 to 9"),
        ("digit=%D9%A3", "0 to 9"),
        ("limit=0", "1 to 100"),
        ("limit=101", "1 to 100"),
        ("verdict=sure", "digit, unsure, not_a_digit"),
        ("version=-1", "number of a model version"),
        ("version=" + "9" * 5000, "number of a model version"),
        ("day=2026-02-30", "like 2026-03-14"),
        ("day=20260314", "like 2026-03-14"),
        ("day=9999-12-31", "like 2026-03-14"),
        ("older=1", "an id"),
        ("newer=00000000-0000-4000-8000-000000000000", "an id"),
        ("older={0}&newer={0}", "not both"),
        ("digit=1&digit=2", "more than once"),
        ("page=2", "limit, older, newer, digit"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_right(
    client: Client, query: str, right: str
) -> None:
    query = query.format("1e2538d7-e78e-11f1-b4de-b79d5bb442a2")
    response = client.get(f"{PATH}?{query}")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "malformed_request")
    assert right in error["message"]
    assert len(error["message"]) < 200
