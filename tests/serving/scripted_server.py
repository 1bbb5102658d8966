"""A server of one model over real sockets that misbehaves as told: what no real one does on cue."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

METADATA = "/labels/{label}/metadata"


class Reply:
    """What is answered: a status with a JSON document, or bytes as they are."""

    def __init__(
        self, status: int = 200, document: Any = None, *, body: bytes | None = None, **headers: str
    ) -> None:
        self.status = status
        self.body = json.dumps(document).encode() if body is None else body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class ScriptedServer:
    """Serves model "digits"; labels, loaded versions and the answer are set by the test."""

    def __init__(self) -> None:
        self.labels: dict[str, int] = {"stable": 1}
        self.loaded = {1}
        self.width = 11
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self.connections = 0
        self.on_request: Callable[[str], Reply | None] = lambda _path: None
        self.drop = 0  # so many requests are dropped without an answer
        self.url = ""

    def reply(self, path: str, body: bytes) -> Reply:
        scripted = self.on_request(path)
        if scripted is not None:
            return scripted
        rest = path.removeprefix("/v1/models/digits")
        if rest == "":
            return Reply(
                document={
                    "model_version_status": [
                        {
                            "version": str(version),
                            "state": "AVAILABLE",
                            "status": {"error_code": "OK", "error_message": ""},
                        }
                        for version in sorted(self.loaded, reverse=True)
                    ]
                }
            )
        if rest.startswith("/labels/"):
            label = rest.removeprefix("/labels/").removesuffix("/metadata")
            if label not in self.labels:
                return Reply(400, {"error": f"Unrecognized servable version label: {label}"})
            return self._if_loaded(
                self.labels[label], {"model_spec": {"version": str(self.labels[label])}}
            )
        version = int(rest.removeprefix("/versions/").removesuffix(":predict"))
        instances = json.loads(body)["instances"]
        self.bodies.append(instances)
        row = [version / 10, *[0.0] * (self.width - 2), 1 - version / 10]
        return self._if_loaded(version, {"predictions": [row for _ in instances]})

    def _if_loaded(self, version: int, document: Any) -> Reply:
        if version in self.loaded:
            return Reply(document=document)
        return Reply(404, {"error": f"Servable not found for request: Specific(digits, {version})"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: ScriptedServer

    def setup(self) -> None:
        super().setup()
        self.scripted.connections += 1

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.scripted.requests.append(self.path)
        if self.scripted.drop:
            self.scripted.drop -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        reply = self.scripted.reply(self.path, body)
        try:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
        except OSError:
            self.close_connection = True  # the client has given up, as the test wants it to

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    handler = type("Handler", (_Handler,), {"scripted": scripted})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield scripted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
