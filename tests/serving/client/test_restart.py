"""A real model server is restarted while it is asked for predictions."""

import threading
import time
from typing import Any

import numpy as np
import pytest

from serving.client import ServingClient, ServingError, ServingUnavailable
from tests.harness import ROOT
from tests.harness.fake_model_server import fake_model_server
from tests.harness.model_server import model_server_thread
from tests.harness.ports import free_port

BLANK = np.zeros((1, 28, 28), np.float32)
VISITORS = 4


def test_a_restart_within_the_bound_fails_no_prediction() -> None:
    flags: dict[str, Any] = {
        "rest_api_port": free_port(),
        "model_name": "digits",
        "model_base_path": str(ROOT / "serving/models/digits"),
    }
    client = ServingClient(
        base_url=f"http://127.0.0.1:{flags['rest_api_port']}",
        model_name="digits",
        restart_seconds=60,  # the second start takes a second, more on busy cores
    )
    failures: list[ServingError] = []
    answers = [0] * VISITORS
    stop = threading.Event()

    def visit(visitor: int) -> None:
        while not stop.is_set():
            try:
                client.predict(BLANK)
                answers[visitor] += 1
            except ServingError as failure:
                failures.append(failure)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(VISITORS)]
    with model_server_thread(**flags):
        for thread in threads:
            thread.start()
        time.sleep(0.5)
    time.sleep(0.5)
    with model_server_thread(**flags):
        before = list(answers)
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert all(now > then for now, then in zip(answers, before, strict=True))


def test_a_longer_outage_is_waited_for_once() -> None:
    client = ServingClient(
        base_url=f"http://127.0.0.1:{free_port()}", model_name="digits", restart_seconds=2
    )
    started = time.monotonic()
    for _ in range(10):
        with pytest.raises(ServingUnavailable, match="no model server answers"):
            client.predict(BLANK)
    assert 1 < time.monotonic() - started < 10  # 1.9 s measured; without the bound it is 20


def test_only_predictions_wait() -> None:
    client = ServingClient(
        base_url=f"http://127.0.0.1:{free_port()}", model_name="digits", restart_seconds=60
    )
    for ask in (client.versions, lambda: client.resolve("stable")):
        started = time.monotonic()
        with pytest.raises(ServingUnavailable):
            ask()
        assert time.monotonic() - started < 20


def test_a_timeout_is_not_waited_for() -> None:
    with fake_model_server() as server:
        client = ServingClient(
            base_url=server.url, model_name="digits", read_timeout=0.2, restart_seconds=60
        )
        client.resolve("stable")
        server.on_request = lambda _path: time.sleep(1)
        started = time.monotonic()
        with pytest.raises(ServingUnavailable, match="in time"):
            client.predict(BLANK)
        assert time.monotonic() - started < 20
