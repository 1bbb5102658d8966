"""A fake model server whose answers, delays and faults the test chooses."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SURE_SEVEN = [0.01] * 7 + [0.91] + [0.01] * 2


class Reply:
    """An HTTP answer: a status with a JSON document or with the given bytes."""

    def __init__(
        self, status: int = 200, document: Any = None, *, body: bytes | None = None, **headers: str
    ) -> None:
        self.status = status
        self.body = json.dumps(document).encode() if body is None else body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class FakeModelServer:
    """TensorFlow Serving's REST API for one model, "digits", without a network behind it.

    Attributes:
        labels: version of each label.
        loaded: versions that are available.
        predictions: the `predictions` of every answer; None: for each instance a row of `width`
            numbers that names the version.
        on_request: called with each path; a `Reply` is sent in place of the usual answer.
        drop: number of requests whose connection is closed without an answer.
        requests: paths asked for so far.
        bodies: `instances` of the predictions asked for so far.
        request_ids: `X-Request-ID` of each request so far, or "".
        body_bytes: the length of each request's body so far.
        connections: number of connections accepted so far.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.labels: dict[str, int] = {"stable": 1}
        self.loaded = {1}
        self.width = 11
        self.predictions: Any = None
        self.on_request: Callable[[str], Reply | None] = lambda _path: None
        self.drop = 0
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self.request_ids: list[str] = []
        self.body_bytes: list[int] = []
        self.connections = 0

    def reply(self, path: str, body: bytes) -> Reply:
        """Return the answer to a request."""
        chosen = self.on_request(path)
        if chosen is not None:
            return chosen
        rest = path.removeprefix("/v1/models/digits")
        if rest == "":
            return Reply(document={"model_version_status": self._statuses()})
        if rest.startswith("/labels/"):
            label = rest.removeprefix("/labels/").removesuffix("/metadata")
            if label not in self.labels:
                return Reply(400, {"error": f"Unrecognized servable version label: {label}"})
            version = self.labels[label]
            return self._if_loaded(version, {"model_spec": {"version": str(version)}})
        version = int(rest.removeprefix("/versions/").removesuffix(":predict"))
        instances = json.loads(body)["instances"]
        self.bodies.append(instances)
        row = [version / 10, *[0.0] * (self.width - 2), 1 - version / 10]
        predictions = [row] * len(instances) if self.predictions is None else self.predictions
        return self._if_loaded(version, {"predictions": predictions})

    def _statuses(self) -> list[dict[str, Any]]:
        ok = {"error_code": "OK", "error_message": ""}
        return [
            {"version": str(version), "state": "AVAILABLE", "status": ok}
            for version in sorted(self.loaded, reverse=True)
        ]

    def _if_loaded(self, version: int, document: Any) -> Reply:
        if version in self.loaded:
            return Reply(document=document)
        return Reply(404, {"error": f"Servable not found for request: Specific(digits, {version})"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    fake: FakeModelServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.fake.connections += 1

    def do_GET(self) -> None:
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fake.requests.append(self.path)
        fake.request_ids.append(self.headers.get("X-Request-ID", ""))
        fake.body_bytes.append(len(body))
        if fake.drop:
            fake.drop -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        reply = fake.reply(self.path, body)
        try:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
        except OSError:
            self.close_connection = True  # some tests let the client give up first

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def fake_model_server() -> Iterator[FakeModelServer]:
    """Runs a fake model server in a thread."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.fake = FakeModelServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
