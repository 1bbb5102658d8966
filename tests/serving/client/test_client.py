"""The client against a server that fails in every way that the contract or a network allows."""

import multiprocessing
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from serving.client import (
    InstanceRefused,
    LabelUnknown,
    ServingClient,
    ServingError,
    ServingUnavailable,
    VersionNotLoaded,
    VersionStatus,
)
from tests.harness.fake_model_server import FakeModelServer, Reply, fake_model_server

BLANK = np.zeros((1, 28, 28), np.float32)


@pytest.fixture
def server() -> Iterator[FakeModelServer]:
    with fake_model_server() as fake:
        yield fake


def client_of(server: FakeModelServer, **options: Any) -> ServingClient:
    options = {"connect_timeout": 2.0, "read_timeout": 5.0, **options}
    return ServingClient(base_url=server.url, model_name="digits", **options)


def test_the_version_that_the_label_names_answers(server: FakeModelServer) -> None:
    server.labels, server.loaded = {"stable": 2, "canary": 3}, {2, 3}
    client = client_of(server)
    answer = client.predict(BLANK)
    assert (answer.version, answer.label) == (2, "stable")
    assert answer.probabilities.shape == (1, 11)
    assert answer.probabilities[0, 0] == pytest.approx(0.2)
    canary = client.predict(BLANK, label="canary")
    assert (canary.version, canary.label) == (3, "canary")


def test_a_version_can_be_asked_by_its_number(server: FakeModelServer) -> None:
    server.labels, server.loaded = {"stable": 3}, {2, 3}
    client = client_of(server)
    answer = client.predict_by_version(np.zeros((5, 28, 28)), version=2)
    assert (answer.version, answer.label, len(answer.probabilities)) == (2, "", 5)
    assert server.requests == ["/v1/models/digits/versions/2:predict"]
    with pytest.raises(VersionNotLoaded):
        client.predict_by_version(BLANK, version=1)


def test_instances_are_sent_in_the_signatures_shape(server: FakeModelServer) -> None:
    picture = np.random.default_rng(0).random((2, 28, 28), np.float32)
    client = client_of(server)
    client.predict(picture)
    client.predict(picture[..., np.newaxis])
    for sent in server.bodies:
        assert np.array_equal(np.asarray(sent, np.float32), picture[..., np.newaxis])


def test_a_version_of_ten_classes_is_read_too(server: FakeModelServer) -> None:
    server.width = 10
    assert client_of(server).predict(np.zeros((3, 28, 28))).probabilities.shape == (3, 10)


@pytest.mark.parametrize(
    "instances",
    [
        np.zeros((28, 28)),
        np.zeros((0, 28, 28)),
        np.zeros((1, 27, 28)),
        np.zeros((1, 28, 28, 3)),
        np.full((1, 28, 28), np.nan),
    ],
)
def test_a_wrong_shape_never_reaches_the_server(
    server: FakeModelServer, instances: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="instance"):
        client_of(server).predict(instances)
    assert server.requests == []


def test_a_version_unloaded_since_the_label_named_it(server: FakeModelServer) -> None:
    client = client_of(server)
    client.predict(BLANK)
    server.labels, server.loaded = {"stable": 2}, {2}
    assert client.predict(BLANK).version == 2


def test_no_version_at_all_is_unavailable(server: FakeModelServer) -> None:
    server.loaded = set()
    with pytest.raises(ServingUnavailable, match="no version"):
        client_of(server).predict(BLANK)


@pytest.mark.parametrize("gone", ["label", "version"])
def test_after_a_canary_is_withdrawn_stable_answers(server: FakeModelServer, gone: str) -> None:
    server.labels, server.loaded = {"stable": 1, "canary": 2}, {1, 2}
    client = client_of(server)
    assert client.predict(BLANK, label="canary").version == 2
    server.loaded = {1}
    if gone == "label":
        del server.labels["canary"]
    answer = client.predict(BLANK, label="canary")
    assert (answer.version, answer.label) == (1, "stable")


def test_an_unknown_label_is_an_error(server: FakeModelServer) -> None:
    with pytest.raises(LabelUnknown, match="nightly"):
        client_of(server).resolve("nightly")


def test_a_server_without_labels_answers_by_its_newest(server: FakeModelServer) -> None:
    server.labels, server.loaded = {}, {1, 4}
    client = client_of(server)
    assert client.predict(BLANK).version == 4
    with pytest.raises(LabelUnknown):
        client.ask_label("stable")


def test_a_label_is_cached(server: FakeModelServer) -> None:
    client = client_of(server, label_seconds=60.0)
    for _ in range(5):
        client.predict(BLANK)
    assert sum(path.endswith("/metadata") for path in server.requests) == 1


def test_versions_have_a_state_and_an_error(server: FakeModelServer) -> None:
    server.on_request = lambda _path: Reply(
        document={
            "model_version_status": [
                {"version": "2", "state": "AVAILABLE", "status": {"error_code": "OK"}},
                {
                    "version": "10",
                    "state": "END",
                    "status": {"error_code": "OUT_OF_RANGE", "error_message": "Read less bytes"},
                },
                {"version": "1", "state": "END", "status": {"error_code": "OK"}},
            ]
        }
    )
    versions = client_of(server).versions()
    assert versions == [
        VersionStatus(version=10, state="END", error="OUT_OF_RANGE: Read less bytes"),
        VersionStatus(version=2, state="AVAILABLE"),
        VersionStatus(version=1, state="END"),
    ]
    assert [status.failed for status in versions] == [True, False, False]


PREDICTIONS: list[tuple[Any, str]] = [
    ({"predictions": [[float("nan")] * 11]}, "not probabilities"),
    ({"predictions": [[float("inf")] * 11]}, "not probabilities"),
    ({"predictions": [[7.0] * 11]}, "not probabilities"),
    ({"predictions": [[0.1] * 12]}, "shape"),
    ({"predictions": [[0.1] * 11, [0.1] * 11]}, "shape"),
    ({"predictions": [0.1]}, "shape"),
    ({"predictions": [[0.1] * 11, [0.1]]}, "ragged"),
    ({"predictions": [["0.1"] * 11]}, "not lists of numbers"),
    ({"predictions": [[True] * 11]}, "not lists of numbers"),
    ({"predictions": [{"probabilities": [0.1] * 11}]}, "not lists of numbers"),
    ({"predictions": []}, "shape"),
    ({"outputs": [[0.1] * 11]}, "not lists of numbers"),
    ([], "not lists of numbers"),
]


@pytest.mark.parametrize(("document", "reason"), PREDICTIONS)
def test_an_answer_that_is_not_probabilities_is_refused(
    server: FakeModelServer, document: Any, reason: str
) -> None:
    server.on_request = lambda path: Reply(document=document) if "predict" in path else None
    with pytest.raises(ServingError, match=reason):
        client_of(server).predict(BLANK)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"predictions"', b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_not_json_is_refused(server: FakeModelServer, body: bytes) -> None:
    server.on_request = lambda path: Reply(body=body) if "predict" in path else None
    with pytest.raises(ServingError):
        client_of(server).predict(BLANK)


def test_other_documents_than_metadata_and_status_are_refused(server: FakeModelServer) -> None:
    server.on_request = lambda _path: Reply(document={"model_spec": {}})
    with pytest.raises(ServingError, match="model_spec"):
        client_of(server).resolve("stable")
    with pytest.raises(ServingError, match="status document"):
        client_of(server).versions()


def test_an_answer_that_is_too_long_is_refused(server: FakeModelServer) -> None:
    server.on_request = lambda path: Reply(body=b" " * 3_000_000) if "predict" in path else None
    with pytest.raises(ServingError, match="bytes"):
        client_of(server).predict(BLANK)


def test_a_refusal_has_the_servers_message(server: FakeModelServer) -> None:
    server.on_request = lambda path: (
        Reply(400, {"error": "Expecting shape [2]"}) if "predict" in path else None
    )
    with pytest.raises(InstanceRefused, match="Expecting shape"):
        client_of(server).predict(BLANK)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_in_trouble_is_unavailable(server: FakeModelServer, status: int) -> None:
    server.on_request = lambda _path: Reply(status, {"error": "busy"}, Retry_After="7")
    with pytest.raises(ServingUnavailable, match="busy") as raised:
        client_of(server).predict(BLANK)
    assert raised.value.retry_after == 7


def test_an_internal_error_is_an_error(server: FakeModelServer) -> None:
    server.on_request = lambda path: Reply(500, {"error": "oops"}) if "predict" in path else None
    with pytest.raises(ServingError, match="oops") as raised:
        client_of(server).predict(BLANK)
    assert not isinstance(raised.value, ServingUnavailable)


def test_no_server_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        client = ServingClient(base_url=url, model_name="digits")
        with pytest.raises(ServingUnavailable, match="no model server answers") as raised:
            client.predict(BLANK)
    assert raised.value.retry_after > 0


def test_a_request_is_not_repeated_after_a_timeout(server: FakeModelServer) -> None:
    released = threading.Event()

    def silent(path: str) -> Reply | None:
        if "predict" in path:
            released.wait(10)
        return None

    server.on_request = silent
    try:
        with pytest.raises(ServingUnavailable, match="in time"):
            client_of(server, read_timeout=2).predict(BLANK)
        assert sum("predict" in path for path in server.requests) == 1
    finally:
        released.set()


def test_a_request_is_repeated_once_after_a_dropped_connection(server: FakeModelServer) -> None:
    client = client_of(server, restart_seconds=0)
    client.predict(BLANK)
    server.drop = 1
    assert client.predict(BLANK).version == 1
    server.drop = 2
    with pytest.raises(ServingUnavailable, match="no model server answers"):
        client.predict(BLANK)


def test_an_interrupted_answer_is_unavailable(server: FakeModelServer) -> None:
    server.on_request = lambda path: (
        Reply(body=b'{"predictions": ', Content_Length="500", Connection="close")
        if "predict" in path
        else None
    )
    with pytest.raises(ServingUnavailable):
        client_of(server, read_timeout=0.5).predict(BLANK)


def test_redirects_and_proxies_are_not_followed(
    server: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    client = client_of(server)
    assert client.predict(BLANK).version == 1
    server.on_request = lambda _path: Reply(302, {}, Location="http://127.0.0.1:1/")
    with pytest.raises(ServingError, match="302"):
        client.predict(BLANK)


def test_threads_reuse_connections(server: FakeModelServer) -> None:
    client = client_of(server)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.predict(BLANK), range(80)))
    assert {answer.version for answer in answers} == {1}
    assert server.connections <= 9


# Python 3.12 warns about forking with threads, which gunicorn does as well.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_connections_of_its_own(server: FakeModelServer) -> None:
    client = client_of(server)
    client.predict(BLANK)
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)

    def in_child() -> None:
        sender.send(client.predict(BLANK).version)

    connections = server.connections
    child = fork.Process(target=in_child)
    child.start()
    assert receiver.poll(20)
    assert receiver.recv() == 1
    child.join(10)
    assert server.connections == connections + 1
    assert client.predict(BLANK).version == 1
    assert server.connections == connections + 1


def test_a_trailing_slash_and_an_odd_model_name(server: FakeModelServer) -> None:
    client = ServingClient(base_url=server.url + "/", model_name="a/b c")
    server.on_request = lambda path: Reply(document={"model_version_status": []})
    assert client.versions() == []
    assert server.requests == ["/v1/models/a%2Fb%20c"]
