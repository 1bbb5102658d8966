"""A model server that tests script, and clients of the site."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from PIL import Image, ImageDraw

from webui.access import rate_limits as limits
from webui.records.store import store
from webui.rollout.serving import serving_client

SEVEN = (Path(__file__).parents[1] / "data" / "seven.png").read_bytes()


class ScriptedModel:
    """What the model server answers next; by default it is sure of a seven."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.predictions: Any = [[0.01] * 7 + [0.91] + [0.01] * 2]
        self.status = 200
        self.asked = 0


MODEL = ScriptedModel()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self, document: object, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path.endswith("/metadata"):
            spec = {"name": "digits", "signature_name": "", "version": "4"}
            self._answer({"model_spec": spec, "metadata": {}})
        else:
            ok = {"error_code": "OK", "error_message": ""}
            self._answer(
                {"model_version_status": [{"version": "4", "state": "AVAILABLE", "status": ok}]}
            )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        MODEL.asked += 1
        if MODEL.status != 200:
            self._answer({"error": "as the test asked"}, MODEL.status)
        else:
            self._answer({"predictions": MODEL.predictions})

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def scripted_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _fresh_limits(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.RUNTIME_DIR = tmp_path
    limits.limiter.cache_clear()
    yield
    limits.limiter.cache_clear()


@pytest.fixture
def model(settings: Any, scripted_url: str, tmp_path: Path) -> Iterator[ScriptedModel]:
    settings.SERVING_URL = scripted_url
    settings.MODELS_DIR = tmp_path  # no cards: the default thresholds
    serving_client.cache_clear()
    store.cache_clear()
    MODEL.reset()
    yield MODEL
    serving_client.cache_clear()
    store.cache_clear()


@pytest.fixture
def dead_model(settings: Any, model: ScriptedModel) -> Iterator[None]:
    settings.SERVING_URL = "http://127.0.0.1:9"  # discard: nobody listens
    serving_client.cache_clear()
    yield
    serving_client.cache_clear()


@pytest.fixture
def browser_client() -> Client:
    """A browser that has opened the page: cookies, a token, and the headers browsers send."""
    client = Client(enforce_csrf_checks=True)
    client.get("/")
    client.defaults["HTTP_ORIGIN"] = "http://testserver"
    client.defaults["HTTP_SEC_FETCH_SITE"] = "same-origin"
    client.defaults["HTTP_X_CSRFTOKEN"] = client.cookies["csrftoken"].value
    return client


def png(size: int = 64, *, blank: bool = False, format: str = "PNG") -> bytes:
    image = Image.new("L", (size, size), 255)
    if not blank:
        ImageDraw.Draw(image).line([(size // 4, size // 5), (size // 2, size * 4 // 5)], 0, 5)
    out = BytesIO()
    image.save(out, format)
    return out.getvalue()
