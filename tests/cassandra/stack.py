"""The real site under gunicorn, a model endpoint, and visitors who draw all the time."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw

from deploy.cassandra.node import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 300
STOP_SECONDS = 30


class _ModelAnswers(BaseHTTPRequestHandler):
    """What the site asks of TensorFlow Serving: labels, status, and a sure 7."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.endswith("/metadata"):
            self._send({"model_spec": {"name": "digits", "version": "1"}, "metadata": {}})
            return
        status = {"error_code": "OK", "error_message": ""}
        versions = [{"version": "1", "state": "AVAILABLE", "status": status}]
        self._send({"model_version_status": versions})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send({"predictions": [[0.0] * 7 + [1.0] + [0.0] * 2]})

    def _send(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def model_endpoint() -> Iterator[str]:
    """A model server's REST dialect in this process: what is tested here is the recording."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _ModelAnswers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Site:
    """The site in processes of its own, with a database of its own."""

    directory: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment = inherited | {
            "SECRET_KEY": "only-for-tests-0123456789abcdefghijklmnopqrstuvwxyz",
            "ENV_FILES": "off",
            "DATABASE_URL": f"sqlite:///{self.directory / 'site.sqlite3'}",
            "RATE_LIMIT": "off",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "2",
            "WEB_THREADS": "6",
            "DJANGO_SETTINGS_MODULE": "webui.settings",
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "site.log"

    def manage(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def migrate(self) -> None:
        done = self.manage("migrate", "--verbosity=0")
        assert done.returncode == 0, done.stderr

    def start(self, *options: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py",
                    *options, "webui.wsgi",
                ],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                if requests.get(f"{self.url}/healthz", timeout=2).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise AssertionError(f"the site does not answer: {self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def kill(self) -> None:
        """kill -9 for master and workers: whatever they had in memory is gone."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def waiting(self) -> int:
        return int(requests.get(f"{self.url}/readyz", timeout=10).json()["store"]["waiting"])

    def wait_until_moved(self, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while self.waiting() and time.monotonic() < deadline:
            time.sleep(0.5)
        assert self.waiting() == 0, self.log.read_text()[-3000:]


def picture() -> bytes:
    """A drawn 7."""
    image = Image.new("L", (140, 140), 255)
    ImageDraw.Draw(image).line([(40, 35), (100, 35), (60, 110)], fill=0, width=12)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


class Visitors:
    """Clients that each ask for one prediction after the other until told to stop."""

    def __init__(self, url: str, *, count: int = 8, pause: float = 0.05) -> None:
        self._url = f"{url}/api/v1/predictions"
        self._pause = pause  # the machine belongs to Cassandra as well
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._image = "data:image/png;base64," + base64.b64encode(picture()).decode()
        self.ids: list[str] = []
        self.recorded: Counter[str] = Counter()
        self.failures: list[str] = []
        self.unreached = 0  # nobody listened: the site was not running
        self.longest = 0.0
        self._no_site_since = float("inf")
        self._no_site_until = float("-inf")
        self._threads = [threading.Thread(target=self._draw, daemon=True) for _ in range(count)]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    @contextmanager
    def no_site(self) -> Iterator[None]:
        """While the site is stopped: nobody is there to be reached."""
        self._no_site_since = time.monotonic() - 30  # a request may be under way already
        yield
        self._no_site_until, self._no_site_since = time.monotonic(), float("inf")

    def _draw(self) -> None:
        while not self._stop.wait(self._pause):
            started = time.monotonic()
            try:
                # A connection each: one that is kept may meet a site that stops just then.
                answer = requests.post(self._url, json={"image": self._image}, timeout=30)
            except requests.RequestException as problem:
                # What waits in the socket of a site that stops is reset, not refused.
                no_site = self._no_site_since <= started or self._no_site_until >= started
                with self._lock:
                    if isinstance(problem, requests.ConnectionError) and no_site:
                        self.unreached += 1
                    else:
                        self.failures.append(str(problem))
                self._stop.wait(0.1)
                continue
            with self._lock:
                self.longest = max(self.longest, time.monotonic() - started)
                if answer.status_code != 201:
                    self.failures.append(f"{answer.status_code} {answer.text[:300]}")
                    continue
                document = answer.json()
                self.ids.append(document["id"])
                self.recorded[document["recorded"]] += 1

    def __str__(self) -> str:
        return (
            f"{len(self.ids)} predictions answered ({dict(self.recorded)}), "
            f"{len(self.failures)} failed, {self.unreached} while no site ran, "
            f"longest {self.longest:.2f} s"
        )
