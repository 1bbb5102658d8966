"""Explanations: which ink decided, by the version that decided, for whom the prediction is."""

from typing import Any

import numpy as np
import pytest
from django.test import Client

from serving.occlusion import MAX_INSTANCES, STRIDE, WINDOW
from tests.harness.fake_model_server import FakeModelServer, Reply
from tests.webui.predictions import PATH
from tests.webui.recognition.test_drawings import drawn
from webui.access.keys import create_key
from webui.access.rate import parse_rate
from webui.records.models import Record

pytestmark = [pytest.mark.django_db]
MISSING = f"{PATH}/1e2538d7-e78e-11f1-b4de-b79d5bb442a2/explanation"


def explanation(client: Client, address: str) -> Any:
    return client.get(f"{address}/explanation")


@pytest.fixture
def address(client: Client, model: FakeModelServer) -> str:
    """A prediction of version 4; the model then answers to as many instances as it is asked."""
    address = drawn(client)
    model.predictions = None
    model.requests.clear()
    model.bodies.clear()
    return address


def test_it_is_one_call_about_the_recorded_instance(
    client: Client, model: FakeModelServer, address: str
) -> None:
    response = explanation(client, address)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert model.requests == ["/v1/models/digits/versions/4:predict"]
    (instances,) = model.bodies
    assert 2 <= len(instances) <= MAX_INSTANCES
    recorded = np.frombuffer(bytes(Record.objects.get().instance), np.uint8)
    sent = np.asarray(instances[0]).reshape(-1)
    assert np.array_equal(np.rint(sent * 255).astype(np.uint8), recorded)


def test_it_names_answer_runner_up_and_version(client: Client, address: str) -> None:
    document = explanation(client, address).json()
    assert f"{PATH}/{document['id']}" == address
    assert document["model"] == {"name": "digits", "version": 4, "label": "stable"}
    assert document["same_version"] is True
    assert (document["window"], document["stride"]) == (WINDOW, STRIDE)
    # The fake model gives every instance 0.4 for a 0 and 0.6 for not a digit; a 7 was predicted.
    assert document["answer"]["label"] == 7
    assert document["runner_up"]["label"] == "not_a_digit"
    assert document["runner_up"]["probability"] == pytest.approx(0.6)
    assert np.shape(document["answer"]["map"]) == (28, 28)
    assert np.all(np.asarray(document["runner_up"]["map"]) == 0)


def test_the_map_shows_what_the_model_depends_on(
    client: Client, model: FakeModelServer, address: str
) -> None:
    explanation(client, address)
    (instances,) = model.bodies
    first = np.asarray(instances[0])
    rows = [[0.01] * 7 + [0.9 if np.array_equal(each, first) else 0.3] for each in instances[:-1]]
    rows.append([0.01] * 7 + [0.1])  # the last window holds the lower end of the stem
    model.predictions = [[*row, 1 - sum(row), 0.0, 0.0] for row in rows]
    answer = explanation(client, address).json()["answer"]
    assert (answer["probability"], answer["lowest"], answer["highest"]) == (0.9, 0.1, 0.9)
    found = np.asarray(answer["map"])
    assert found.max() > 0.5
    row, _ = np.unravel_index(found.argmax(), found.shape)
    assert row >= 14


def test_another_version_explains_if_the_first_is_gone(
    client: Client, model: FakeModelServer, address: str
) -> None:
    model.labels, model.loaded = {"stable": 5}, {5}
    document = explanation(client, address).json()
    assert document["same_version"] is False
    assert document["model"] == {"name": "digits", "version": 5, "label": "stable"}


def test_a_version_without_the_predicted_class_explains_its_own_answer(
    client: Client, model: FakeModelServer, address: str
) -> None:
    Record.objects.update(digit=None, verdict="not_a_digit")
    model.width = 10
    document = explanation(client, address).json()
    assert (document["answer"]["label"], document["runner_up"]["label"]) == (9, 0)


def test_only_the_visitor_and_an_api_key_get_it(client: Client, address: str) -> None:
    assert explanation(Client(), address).status_code == 404
    assert client.get(MISSING).json()["error"]["code"] == "not_found"
    _, key = create_key(name="a program")
    program = Client(headers={"Authorization": f"Bearer {key}"})
    assert explanation(program, address).status_code == 200


def test_it_has_a_rate_limit(client: Client, address: str, settings: Any) -> None:
    settings.RATE_LIMIT = parse_rate("2/m")
    assert [explanation(client, address).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(500, {"error": "out of memory"}), "model_unavailable"),
        (Reply(document={"predictions": [[0.1] * 10]}), "model_unavailable"),
        (Reply(404, {"error": "Servable not found"}), "model_unavailable"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_503(
    client: Client, model: FakeModelServer, address: str, reply: Reply, code: str
) -> None:
    model.on_request = lambda _path: reply
    response = explanation(client, address)
    assert (response.status_code, response.json()["error"]["code"]) == (503, code)
    assert "Retry-After" in response


def test_probabilities_that_do_not_add_up_are_refused(
    client: Client, model: FakeModelServer, address: str
) -> None:
    explanation(client, address)
    model.predictions = [[0.5] * 11] * len(model.bodies[0])
    assert explanation(client, address).json()["error"]["code"] == "model_answer_unusable"
