"""A model server in this process, and a client that shows what was on the wire."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.server.flags import Flags
from serving.server.model_server import ModelServer

PATIENCE = 150.0  # seconds; only a server that is broken takes them


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        assert set(self.json) == {"error"}
        return str(self.json["error"])


class Client:
    """One connection for each request, unless asked otherwise."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, body: Any) -> Reply:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, text)

    def predict(self, name: str, body: Any) -> Reply:
        return self.post(f"/v1/models/{name}:predict", body)

    def raw(self, request: bytes) -> bytes:
        """Sends bytes, returns all that comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as wire:
            wire.sendall(request)
            wire.shutdown(socket.SHUT_WR)
            pieces = []
            while piece := wire.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)

    def states(self, name: str) -> dict[int, str]:
        reply = self.get(f"/v1/models/{name}")
        if reply.status != 200:
            return {}
        return {int(e["version"]): e["state"] for e in reply.json["model_version_status"]}

    def until(self, condition: Callable[[], bool]) -> None:
        until(condition)


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that is bound to come."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@contextmanager
def running(*, wait: bool = True, **flags: Any) -> Iterator[Client]:
    """A server with these flags; it is stopped at the end."""
    server = ModelServer(Flags(**{"rest_api_bind_address": "127.0.0.1", **flags}))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            server.run()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        if wait:
            until(lambda: bool(failures) or is_listening(server.port))
            if failures:
                raise failures[0]
        yield Client(server.port)
    finally:
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def is_listening(port: int) -> bool:
    if not port:
        return False
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def config_text(models: dict[str, tuple[Path, str]]) -> str:
    """A ModelServerConfig: name -> (base path, more lines)."""
    configs = "".join(
        f'config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" {more} }}\n'
        for name, (base, more) in models.items()
    )
    return f"model_config_list {{ {configs} }}"
