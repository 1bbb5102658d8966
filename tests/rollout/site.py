"""The whole site under gunicorn, an operator beside it, and clients that never rest."""

import base64
import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw

from serving.client import ServingError
from tests.serving.model_server import Stage
from tests.serving.tiny_models import ROOT

START_SECONDS = 180  # for two cores with much else to do
OPERATOR = """
import json, sys
import django
django.setup()
from pathlib import Path
from serving.versions import smoke_test
from webui.rollout import services
for line in sys.stdin:
    asked = json.loads(line)
    if asked.pop("without_tensorflow", False):
        smoke_test.tensorflow_is_available = lambda: False
    if "source" in asked:
        asked["source"] = Path(asked["source"])
    do = getattr(services, asked.pop("do"))
    try:
        said = {"message": do(by="tests", **asked).message}
    except Exception as problem:
        said = {"error": type(problem).__name__, "message": str(problem)}
    print(json.dumps(said), flush=True)
"""


def environment_of(stage: Stage, directory: Path) -> dict[str, str]:
    """What the site and its commands are told; nothing of the tests' own environment."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "ENV_FILES": "off",
        "SECRET_KEY": os.environ["SECRET_KEY"],
        "DJANGO_SETTINGS_MODULE": "webui.settings",
        "DATABASE_URL": f"sqlite:///{directory / 'site.sqlite3'}",
        "STATIC_ROOT": str(directory / "static"),
        "SERVING_URL": stage.server.url,
        "MODELS_DIR": str(stage.server.models_dir),
        "MODEL_NAME": stage.model_name,
        "RATE_LIMIT": "off",
        "WEB_CONCURRENCY": "2",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


class Operator:
    """Does what `manage.py models` does, in a process of its own that starts once."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OPERATOR],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, do: str, **arguments: Any) -> dict[str, str]:
        """What the service said, or its error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        said: dict[str, str] = json.loads(self.process.stdout.readline())
        return said

    def done(self, do: str, **arguments: Any) -> str:
        """The service's message; the test fails if there is an error instead."""
        said = self(do, **arguments)
        assert "error" not in said, said
        return said["message"]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site that runs: its address, its database, an operator."""

    url: str
    database: Path
    operator: Operator

    def records(self) -> dict[str, tuple[int, list[float]]]:
        """Version and probabilities of each record, by id without dashes."""
        with sqlite3.connect(self.database) as database:
            rows = database.execute("SELECT id, model_version, probabilities FROM record_data")
            return {str(id): (version, json.loads(said)) for id, version, said in rows}


@contextmanager
def running_site(stage: Stage, directory: Path) -> Iterator[Site]:
    environment = environment_of(stage, directory)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=START_SECONDS,
    )
    log = directory / "site.log"
    with log.open("wb") as out:
        gunicorn = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "webui.wsgi"],
            cwd=ROOT,
            env={**environment, "HOST": "127.0.0.1", "PORT": str(port)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    operator = Operator(environment)
    site = Site(
        url=f"http://127.0.0.1:{port}", database=directory / "site.sqlite3", operator=operator
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if requests.get(f"{site.url}/readyz", timeout=20).ok:
                    break
            except requests.RequestException:
                pass
            assert gunicorn.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)
        yield site
    finally:
        assert operator.process.stdin is not None
        operator.process.stdin.close()
        operator.process.wait(60)
        assert operator.process.stdout is not None
        operator.process.stdout.close()
        gunicorn.terminate()
        gunicorn.wait(60)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One prediction as a client saw it."""

    status: int
    retry_after: str
    id: str
    version: int
    label: str
    digit_said: int  # by the probabilities; digit D is version D's in these tests
    labelled_before: int | None  # what the server said that stable was, just before …
    labelled_after: int | None  # … and just after
    seconds: float  # from before the first question to after the second answer


def drawing() -> str:
    picture = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(picture).line([(50, 15), (48, 85)], fill=0, width=8)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


class Clients:
    """Threads that ask for predictions, one after the other, for as long as the block lasts."""

    def __init__(self, site: Site, stage: Stage, *, count: int = 8) -> None:
        self.asked: list[Asked] = []
        self.broken: list[str] = []  # no HTTP answer at all
        self._site = site
        self._stage = stage
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(count)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(120)

    def wait_for(self, count: int, *, status: int, seconds: float = 240) -> None:
        """Until so many more answers of a status have come."""
        goal = self.count(status) + count
        deadline = time.monotonic() + seconds
        while self.count(status) < goal:
            assert time.monotonic() < deadline, f"{self.count(status)} of {goal} answers {status}"
            time.sleep(0.05)

    def count(self, status: int) -> int:
        return sum(one.status == status for one in list(self.asked))

    def _labelled(self) -> int | None:
        try:
            return self._stage.client.ask_label("stable")
        except ServingError:
            return None

    def _ask_on(self) -> None:
        body = {"image": drawing()}
        with requests.Session() as session:
            while not self._ended.is_set():
                started = time.monotonic()
                before = self._labelled()
                try:
                    response = session.post(
                        f"{self._site.url}/api/v1/predictions", json=body, timeout=60
                    )
                except requests.RequestException as problem:
                    self.broken.append(repr(problem))
                    continue
                finally:
                    session.cookies.clear()  # a visitor each time: no cookie, no CSRF token
                after = self._labelled()
                seconds = time.monotonic() - started
                said = response.json() if response.status_code == 201 else {}
                probabilities = said.get("probabilities") or [0.0]
                model = said.get("model") or {}
                self.asked.append(
                    Asked(
                        status=response.status_code,
                        retry_after=response.headers.get("Retry-After", ""),
                        id=str(said.get("id", "")).replace("-", ""),
                        version=int(model.get("version", 0)),
                        label=str(model.get("label", "")),
                        digit_said=probabilities.index(max(probabilities)),
                        labelled_before=before,
                        labelled_after=after,
                        seconds=seconds,
                    )
                )
