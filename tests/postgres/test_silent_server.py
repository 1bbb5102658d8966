"""A PostgreSQL that is silent: probes and visitors get an answer in bounded time."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.harness.drawings import SEVEN
from tests.harness.fake_model_server import SURE_SEVEN, FakeModelServer, fake_model_server
from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until

PROBE_SECONDS = 20  # 2 s measured for each; without bounds an answer never comes
VISITOR_SECONDS = 60  # 10 s measured


class Relay:
    """A TCP relay to PostgreSQL that can fall silent: it then accepts, and sends nothing on."""

    def __init__(self, port: int) -> None:
        self.heard = threading.Event()
        self.heard.set()
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target, timeout=60)
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.heard.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.heard.set()
        self._listener.close()
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # ends the thread that reads from it
            end.close()


@pytest.fixture
def relay(postgres_url: str) -> Iterator[Relay]:
    port = urlsplit(postgres_url).port
    assert port
    relay = Relay(port)
    yield relay
    relay.close()


@pytest.fixture
def model() -> Iterator[FakeModelServer]:
    with fake_model_server() as model:
        model.labels, model.loaded, model.predictions = {"stable": 4}, {4}, [SURE_SEVEN]
        yield model


@pytest.fixture
def start(model: FakeModelServer, tmp_path: Path) -> Iterator[Callable[[int], SiteProcess]]:
    """Starts a site with the PostgreSQL of a port."""
    sites: list[SiteProcess] = []

    def start(port: int) -> SiteProcess:
        site = SiteProcess(
            tmp_path,
            SERVING_URL=model.url,
            MODELS_DIR=str(tmp_path),
            DATABASE_URL=f"postgres://tester@127.0.0.1:{port}/postgres",
            WEB_CONCURRENCY="1",
        )
        sites.append(site)
        return site

    yield start
    for site in sites:
        site.kill()


def assert_not_ready(site: SiteProcess) -> None:
    def probe() -> requests.Response:
        return requests.get(f"{site.url}/readyz", timeout=PROBE_SECONDS)

    # A success of the start is reused for a second.
    wait_until(lambda: probe().status_code == 503, message="it is not ready", details=site.log_end)
    answer = probe().json()
    assert answer["model"]["ready"]
    assert "does not answer" in answer["store"]["detail"]


def test_a_server_that_falls_silent(relay: Relay, start: Callable[[int], SiteProcess]) -> None:
    site = start(relay.port)
    site.succeed("migrate", "--verbosity=0")
    site.start()
    url = f"{site.url}/api/v1/predictions"
    assert requests.post(url, files={"image": SEVEN}, timeout=VISITOR_SECONDS).status_code == 201
    relay.heard.clear()
    assert_not_ready(site)
    refused = requests.post(url, files={"image": SEVEN}, timeout=VISITOR_SECONDS)
    assert refused.status_code == 503
    assert requests.get(f"{site.url}/healthz", timeout=PROBE_SECONDS).ok
    relay.heard.set()
    wait_until(
        lambda: requests.post(url, files={"image": SEVEN}, timeout=VISITOR_SECONDS).ok,
        message="predictions are recorded again",
        details=site.log_end,
    )


def test_a_server_that_accepts_and_says_nothing(start: Callable[[int], SiteProcess]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        site = start(silent.getsockname()[1])
        site.start(probe="/healthz")
        assert_not_ready(site)


def test_a_server_whose_packets_are_lost(start: Callable[[int], SiteProcess]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        address = full.getsockname()
        for _ in range(3):  # with its queue full, the kernel drops what asks for a connection
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
        site = start(address[1])
        site.start(probe="/healthz")
        assert_not_ready(site)
