"""System calls of a prediction, counted by strace on a worker: waits that no profile shows."""

import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from serving.labels import STABLE
from serving.models_config import labelled_version
from serving.versions.bundled import BUNDLED_CONFIG
from tests.harness import ROOT
from tests.harness.drawings import SEVEN
from tests.harness.fake_model_server import SURE_SEVEN, fake_model_server
from tests.harness.needs import need
from tests.harness.site import SiteProcess

PREDICTIONS = 20
# Of each prediction. What is received is left out: the sender and the network divide it.
EXPECTED = {
    "connect": 0,  # the connection to the model server stays open
    "openat": 0,  # and so do the files of the database; the model card is kept
    "sendto": 3,  # head and body to the model server, and the answer
    "fdatasync": 1,  # the record is on the disk before the answer
    "write": 3,  # two lines of the log, and the worker's loop is woken
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteProcess]:
    need(shutil.which("strace") is not None, "strace (apt-get install strace)")
    with fake_model_server() as model:
        # A version with a model card, which is read once.
        stable = labelled_version(BUNDLED_CONFIG, "digits", STABLE)
        model.labels, model.loaded = {STABLE: stable}, {stable}
        model.predictions = [SURE_SEVEN]
        # One thread, since each opens the database once.
        settings = {"WEB_CONCURRENCY": "1", "WEB_THREADS": "1"}
        models_dir = str(ROOT / "serving" / "models")
        site = SiteProcess(tmp_path, SERVING_URL=model.url, MODELS_DIR=models_dir, **settings)
        site.succeed("migrate", "--verbosity=0")
        try:
            site.start(probe="/healthz")
            yield site
        finally:
            site.stop()


def worker_of(site: SiteProcess) -> int:
    """Returns the process id of the site's only worker."""
    assert site.process is not None
    children = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children")
    (worker,) = children.read_text().split()
    return int(worker)


@contextmanager
def traced(pid: int, calls: Path) -> Iterator[None]:
    """Writes the system calls of a process and its threads to a file."""
    names = ",".join(EXPECTED)
    strace = subprocess.Popen(
        ["strace", "-f", "-p", str(pid), "-e", f"trace={names}", "-o", str(calls)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert strace.stderr is not None
        line = strace.stderr.readline()
        need("attached" in line, f"leave to trace its own processes (strace: {line.strip()})")
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=60)


def test_a_prediction_takes_these_system_calls(site: SiteProcess, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    visitor = requests.Session()
    url = f"{site.url}/api/v1/predictions"
    headers = {"Content-Type": "image/png"}

    def predict() -> None:
        assert visitor.post(url, SEVEN, headers=headers, timeout=60).status_code == 201

    for _ in range(PREDICTIONS):
        predict()
    with traced(worker_of(site), calls):
        for _ in range(PREDICTIONS):
            predict()
    counted = Counter(re.findall(r"^\d+ +(\w+)\(", calls.read_text(), re.MULTILINE))
    # Rounded: the site's timers make a few of their own meanwhile.
    assert {name: round(counted[name] / PREDICTIONS) for name in EXPECTED} == EXPECTED
