"""A client of the model server's REST API that shows status, headers and bytes."""

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 150.0  # only a server that is broken takes as long


@dataclass
class Reply:
    """An HTTP answer."""

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
    """Sends requests to a port of this machine, each over a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, body: Any) -> Reply:
        """Sends bytes as they are and anything else as JSON."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, text)

    def predict(self, name: str, body: Any) -> Reply:
        return self.post(f"/v1/models/{name}:predict", body)

    def raw(self, request: bytes) -> bytes:
        """Sends bytes, and returns everything that comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)

    def states(self, name: str) -> dict[int, str]:
        """Return the state of each version; empty if the model is not known."""
        reply = self.get(f"/v1/models/{name}")
        if reply.status != 200:
            return {}
        return {int(e["version"]): e["state"] for e in reply.json["model_version_status"]}
