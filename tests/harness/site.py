"""The site under gunicorn, in processes of its own."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import requests

from tests.harness import ROOT
from tests.harness.ports import free_port
from tests.harness.waiting import wait_until

START_SECONDS = 300  # on two busy cores
STOP_SECONDS = 60
MANAGE_SECONDS = 600


class SiteProcess:
    """A site with a directory, a SQLite database and settings of its own.

    Nothing of the tests' own environment is passed on but PATH and HOME.
    """

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.port = free_port()  # the same one after a restart
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "site.log"
        self.database = directory / "site.sqlite3"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DJANGO_SETTINGS_MODULE": "webui.settings",
            "ENV_FILES": "off",
            "SECRET_KEY": os.environ["SECRET_KEY"],
            "DATABASE_URL": f"sqlite:///{self.database}",
            "STATIC_ROOT": str(directory / "static"),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "RATE_LIMIT": "off",
            "READING_RATE_LIMIT": "off",
            "WEB_CONCURRENCY": "2",
            "PYTHONUNBUFFERED": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **settings,
        }

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `manage.py`, with more variables in its environment."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=MANAGE_SECONDS,
        )

    def succeed(self, *arguments: str, **environment: str) -> str:
        """Runs `manage.py`, which must succeed, and returns what it printed."""
        finished = self.manage(*arguments, **environment)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def start(self, *, probe: str = "/readyz") -> None:
        """Starts gunicorn, and returns when the probe answers 200."""
        with self.log.open("ab") as log:
            self.process = process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "webui.wsgi"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        def started() -> bool:
            assert process.poll() is None, self.log_end()
            with suppress(requests.RequestException):
                return requests.get(self.url + probe, timeout=20).ok
            return False

        wait_until(started, seconds=START_SECONDS, message=f"{probe} is 200", details=self.log_end)

    def stop(self) -> None:
        """Ends gunicorn as an operator does; running requests are finished."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends master and workers with SIGKILL; what they had in memory is lost."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log_end(self) -> str:
        return self.log.read_text()[-3000:]

    def records(self) -> dict[str, dict[str, Any]]:
        """Return the columns of each record in the SQLite database, by id without dashes."""
        with closing(sqlite3.connect(self.database)) as database:
            database.row_factory = sqlite3.Row
            return {row["id"]: dict(row) for row in database.execute("SELECT * FROM record_data")}

    def pending(self) -> int:
        """Return the number of events in the spool, as /readyz gives it."""
        return int(requests.get(f"{self.url}/readyz", timeout=10).json()["store"]["waiting"])

    def wait_until_replayed(self, seconds: float = 300) -> None:
        """Returns when the spool is empty."""
        wait_until(
            lambda: self.pending() == 0,
            seconds=seconds,
            interval=0.5,
            message="the spool is empty",
            details=self.log_end,
        )
