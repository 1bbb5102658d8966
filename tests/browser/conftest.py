"""A real model server with the models that ship, the site under gunicorn, and a real browser."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from serving.models_config import CONFIG_NAME
from serving.versions.bundled import install_bundled
from tests.needs import need
from tests.stack.stack import free_port

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
START_SECONDS = 180
STRONG_KEY = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM"
USER, PASSWORD = "keeper", "only-for-these-tests-7301"


@dataclass(frozen=True)
class LiveStack:
    url: str
    environment: dict[str, str]
    serving_url: str

    def records(self, ids: list[str]) -> dict[str, bytes]:
        """The pictures that are recorded under these ids (of hex digits), read from the file."""
        path = self.environment["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database:
            rows = dict(database.execute("SELECT id, picture FROM record_data").fetchall())
        wanted = {one.replace("-", "") for one in ids}
        return {one: bytes(picture) for one, picture in rows.items() if one in wanted}


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        assert process.poll() is None, log.read_text()[-5000:]
        assert time.monotonic() < deadline, log.read_text()[-5000:]
        time.sleep(0.1)


def start(name: str, command: list[str], environment: dict[str, str], log: Path) -> Any:
    with log.open("ab") as out:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT
        )


def stop(process: Any) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def live_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """Model server and site, started once; records are in a database of their own."""
    place = tmp_path_factory.mktemp("stack")
    models = place / "models"
    install_bundled(models)
    serving_port, port = free_port(), free_port()
    environment = {
        name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"
    }
    environment |= {
        "SECRET_KEY": STRONG_KEY,
        "ENV_FILES": "off",
        "DJANGO_SETTINGS_MODULE": "webui.settings",
        "DATABASE_URL": f"sqlite:///{place / 'site.sqlite3'}",
        "MODELS_DIR": str(models),
        "SERVING_URL": f"http://127.0.0.1:{serving_port}",
        "STATIC_ROOT": str(place / "static"),
        "RUNTIME_DIR": str(place / "run"),
        "RATE_LIMIT": "off",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    log = place / "stack.log"
    server = start(
        "server",
        [
            sys.executable, "-m", "serving.server", f"--rest_api_port={serving_port}",
            f"--model_config_file={models / CONFIG_NAME}",
            "--model_config_file_poll_wait_seconds=1",
            "--allow_version_labels_for_unavailable_models=true",
        ],
        environment, log,
    )  # fmt: skip
    site = None
    try:
        prepared = (
            "import django; django.setup()\n"
            "from django.core.management import call_command\n"
            "call_command('migrate', verbosity=0)\n"
            "call_command('collectstatic', verbosity=0, interactive=False)\n"
            "from django.contrib.auth.models import User\n"
            f"User.objects.create_superuser({USER!r}, '', {PASSWORD!r})\n"
        )
        subprocess.run([sys.executable, "-c", prepared], cwd=ROOT, env=environment, check=True)
        site = start(
            "site",
            [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "webui.wsgi"],
            environment, log,
        )  # fmt: skip
        url = f"http://localhost:{port}"
        wait_for(f"{url}/readyz", site, log)
        yield LiveStack(url, environment, environment["SERVING_URL"])
    finally:
        if site is not None:
            stop(site)
        stop(server)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    need(CHROMIUM is not None, "chromium (apt-get install chromium)")
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        # Tests may run as root, in a container without a GPU; nothing is fetched by itself.
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    }


@pytest.fixture(scope="session")
def strokes() -> dict[str, list[list[list[int]]]]:
    """One person's strokes for each digit (UNIPEN, see the file)."""
    kept = json.loads((ROOT / "tests" / "data" / "strokes.json").read_text())["digits"]
    return {one["label"]: one["strokes"] for one in reversed(kept)}
