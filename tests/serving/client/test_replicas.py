"""Several model servers: turns, repeats, and what is said of all of them."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from serving import models_config
from serving.client import (
    InstanceRefused,
    ReplicatedClient,
    ServingClient,
    ServingError,
    ServingUnavailable,
    VersionNotLoaded,
    replicas,
)
from tests.harness.fake_model_server import FakeModelServer, Reply, fake_model_server
from tests.harness.ports import CLOSED_URL

BLANK = np.zeros((1, 28, 28), np.float32)


@pytest.fixture
def two() -> Iterator[list[FakeModelServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(fake_model_server()) for _ in range(2)]


def client_of(*urls: str, config_file: Path | None = None) -> ReplicatedClient:
    return ReplicatedClient(
        [
            ServingClient(
                base_url=url,
                model_name="digits",
                config_file=config_file,
                read_timeout=0.5,
                restart_seconds=0,
            )
            for url in urls
        ],
        restart_seconds=0,
    )


def predictions(fake: FakeModelServer) -> int:
    return len(fake.bodies)


def test_they_take_turns(two: list[FakeModelServer]) -> None:
    client = client_of(*(fake.url for fake in two))
    for _ in range(10):
        assert client.predict(BLANK).version == 1
    assert [predictions(fake) for fake in two] == [5, 5]


@pytest.mark.parametrize(
    "reply",
    [Reply(503, {"error": "overloaded"}), Reply(200, {"predictions": "none"}), Reply(body=b"{")],
)
def test_a_failed_prediction_is_repeated_on_another(
    two: list[FakeModelServer], reply: Reply
) -> None:
    two[0].on_request = lambda path: reply if path.endswith(":predict") else None
    client = client_of(*(fake.url for fake in two))
    assert [client.predict(BLANK).version for _ in range(6)] == [1] * 6
    asked = sum(path.endswith(":predict") for path in two[0].requests)
    assert asked == 1  # then it is left out


def test_a_silent_one_costs_one_deadline(two: list[FakeModelServer]) -> None:
    two[0].on_request = lambda path: time.sleep(2)
    client = client_of(two[0].url, two[1].url)
    for _ in range(6):
        assert client.predict(BLANK).version == 1
    assert len(two[0].requests) == 1


def test_one_that_comes_back_is_tried_by_one_request(
    two: list[FakeModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "FIRST_PAUSE_SECONDS", 0.5)
    client = client_of(*(fake.url for fake in two))
    two[0].on_request = lambda path: Reply(503, {})
    client.predict(BLANK)
    client.predict(BLANK)
    time.sleep(0.6)
    client.predict(BLANK)  # tries it again, and leaves it out for longer
    assert len(two[0].requests) == 2
    two[0].on_request = lambda path: None
    time.sleep(1.1)
    for _ in range(4):
        client.predict(BLANK)
    assert predictions(two[0]) >= 2


def test_a_refused_instance_is_not_repeated(two: list[FakeModelServer]) -> None:
    for fake in two:
        fake.on_request = lambda path: (
            Reply(400, {"error": "shape"}) if path.endswith(":predict") else None
        )
    client = client_of(*(fake.url for fake in two))
    with pytest.raises(InstanceRefused):
        client.predict(BLANK)
    assert sum(path.endswith(":predict") for fake in two for path in fake.requests) == 1


def test_when_none_answers_the_error_says_so(two: list[FakeModelServer]) -> None:
    with pytest.raises(ServingUnavailable, match="no model server answers at"):
        client_of(CLOSED_URL, CLOSED_URL + "0").predict(BLANK)
    two[0].on_request = lambda path: Reply(503, {"error": "loading"})
    with pytest.raises(ServingUnavailable, match="answers 503"):
        client_of(two[0].url, CLOSED_URL).predict(BLANK)


def test_a_version_that_one_has_is_found(two: list[FakeModelServer]) -> None:
    two[1].loaded = {1, 2}
    client = client_of(*(fake.url for fake in two))
    assert [client.predict_by_version(BLANK, version=2).version for _ in range(4)] == [2] * 4
    with pytest.raises(VersionNotLoaded):
        client.predict_by_version(BLANK, version=3)
    assert client.predict(BLANK).version == 1


def test_one_that_has_not_followed_the_label_is_asked_last(
    two: list[FakeModelServer], tmp_path: Path
) -> None:
    config = tmp_path / "models.config"
    text = models_config.with_model(
        'model_config_list { config { name: "digits" base_path: "/models/digits" '
        'model_platform: "tensorflow" } }',
        "digits",
        versions=[1, 2],
        labels={"stable": 2},
    )
    models_config.write_text(config, text)
    for fake in two:
        fake.loaded = {1, 2}
    two[1].labels["stable"] = 2
    client = client_of(*(fake.url for fake in two), config_file=config)
    assert {client.predict(BLANK).version for _ in range(6)} == {2}
    two[1].labels["stable"] = 1  # none has followed: what is served now answers
    client = client_of(*(fake.url for fake in two), config_file=config)
    assert client.predict(BLANK).version == 1


def test_a_label_is_what_all_that_listen_say(two: list[FakeModelServer]) -> None:
    client = client_of(*(fake.url for fake in two), CLOSED_URL)
    assert client.named_by("stable") == {1}
    assert client.resolve("stable") == 1
    two[0].labels["stable"] = 2
    two[0].loaded = {1, 2}
    assert client.named_by("stable") == {1, 2}
    two[0].labels["canary"] = 2
    assert client.named_by("canary") == {2, None}
    with pytest.raises(ServingUnavailable):
        client_of(CLOSED_URL, CLOSED_URL + "0").named_by("stable")


def test_a_version_is_available_when_all_that_listen_have_it(two: list[FakeModelServer]) -> None:
    client = client_of(*(fake.url for fake in two), CLOSED_URL)
    two[0].loaded = {1, 2}
    assert [(one.version, one.state) for one in client.versions()] == [
        (2, "AVAILABLE on 1 of 2"), (1, "AVAILABLE"),
    ]  # fmt: skip
    assert [one.available for one in client.versions()] == [False, True]
    failed = {"error_code": "OUT_OF_RANGE", "error_message": "Read less bytes"}
    status = {"version": "2", "state": "END", "status": failed}
    two[1].on_request = lambda path: Reply(document={"model_version_status": [status]})
    assert client.versions()[0].failed
    two[1].on_request = lambda path: Reply(503, {})
    with pytest.raises(ServingError):  # it listens, so its state is not known
        client.versions()
