"""The site on both stores, and its peers, ready to be put under load."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import requests

from benchmarks.bench.load import Subject
from deploy.cassandra.node import Node
from tests.harness import ROOT
from tests.harness.drawings import recorded_strokes
from tests.harness.model_server import ModelServerProcess
from tests.harness.ports import free_port, is_listening
from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until
from training.data import canvas
from training.paths import MODELS

DRAWINGS = 64
PEERS = Path(__file__).parent / "peers"
PACKAGES = ROOT / "var" / "bench" / "packages"  # of the peers; `make bench` installs them
START_SECONDS = 300
OUR_WORKER = "webui.http_server.worker.BufferingWorker"
NEWEST_MODEL = max(MODELS.glob("[0-9]*"), key=lambda path: int(path.name))


def write_drawings(folder: Path) -> Path:
    """Write 64 drawings of 280x280 as the page's canvas draws them, as PNG files 0 to 63."""
    folder.mkdir()
    strokes, choose = recorded_strokes(), np.random.default_rng(1)
    for number in range(DRAWINGS):
        drawing = canvas.perturbed(strokes[str(number % 10)], choose)
        drawing.convert("RGBA").save(folder / str(number), "PNG")
    return folder


@contextmanager
def site(
    directory: Path, *, name: str, server: ModelServerProcess, drawings: Path, node: Node | None
) -> Iterator[tuple[Subject, SiteProcess]]:
    """Run the site, recording in Cassandra if there is a node, else in SQLite."""
    directory.mkdir()
    settings = {}
    processes = {}
    if node is not None:
        settings = {
            "CASSANDRA_HOSTS": node.address,
            "CASSANDRA_PORT": str(node.port),
            "CASSANDRA_TIMEOUT_MS": "30000",
        }
        processes["Cassandra"] = _pid(node.process)
    running = SiteProcess(
        directory, SERVING_URL=server.url, MODELS_DIR=str(server.models_dir), **settings
    )
    running.succeed("migrate", "--verbosity=0")
    running.succeed("collectstatic", "--verbosity=0", "--no-input")
    if node is not None:
        running.succeed("sync_records")
    running.start()
    try:
        url = f"{running.url}/api/v1/predictions"
        first = requests.post(
            url, (drawings / "0").read_bytes(), headers={"Content-Type": "image/png"}, timeout=60
        )
        first.raise_for_status()
        visitor = first.cookies.get("visitor", "")
        yield (
            Subject(
                name=name,
                url=url,
                bodies=drawings,
                content_type="image/png",
                cookie=f"visitor={visitor}",
                processes={
                    "site": _pid(running.process),
                    "model server": _pid(server.process),
                    **processes,
                },
            ),
            running,
        )
    finally:
        running.stop()


@contextmanager
def http_alone(directory: Path, drawings: Path, worker: str) -> Iterator[Subject]:
    """Run gunicorn with a class of worker and an application that does nothing."""
    directory.mkdir()
    port = free_port()
    command = [
        *("-m", "gunicorn", "--worker-class", worker, "--workers", "2", "--threads", "8"),
        *("--bind", f"127.0.0.1:{port}", "benchmarks.bench.peers.empty"),
    ]
    with _process(command, port, directory) as process:
        yield Subject(
            name=worker,
            url=f"http://127.0.0.1:{port}/",
            bodies=drawings,
            content_type="image/png",
            processes={"site": process.pid},
        )


@contextmanager
def original(directory: Path, drawings: Path, node: Node) -> Iterator[Subject]:
    """Run the original demo's design."""
    directory.mkdir()
    port = free_port()
    command = [str(PEERS / "original.py"), str(port), node.address, str(node.port)]
    with _process(command, port, directory) as process:
        yield Subject(
            name="original demo's design",
            url=f"http://127.0.0.1:{port}/predict",
            bodies=drawings,
            content_type="image/png",
            processes={"site": process.pid, "Cassandra": _pid(node.process)},
        )


@contextmanager
def gradio(directory: Path, drawings: Path) -> Iterator[Subject]:
    """Run Gradio's sketch interface; the drawings are uploaded before the load."""
    bodies = directory / "bodies"
    bodies.mkdir(parents=True)
    port = free_port()
    command = [str(PEERS / "gradio_sketch.py"), str(port), str(NEWEST_MODEL)]
    with _process(command, port, directory) as process:
        url = f"http://127.0.0.1:{port}/gradio_api"
        for number in range(DRAWINGS):
            picture = ("drawing.png", (drawings / str(number)).read_bytes(), "image/png")
            (path,) = requests.post(f"{url}/upload", files={"files": picture}, timeout=60).json()
            composite = {"path": path, "meta": {"_type": "gradio.FileData"}}
            data = [{"background": None, "layers": list[str](), "composite": composite}]
            (bodies / str(number)).write_text(json.dumps({"data": data}))
        yield Subject(
            name="Gradio's sketch interface",
            url=f"{url}/run/read",
            bodies=bodies,
            content_type="application/json",
            processes={"site": process.pid},
        )


@contextmanager
def _process(
    command: list[str], port: int, directory: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python until the end of the block, which begins when the port listens."""
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{PACKAGES}:{ROOT}",
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "GRADIO_ANALYTICS_ENABLED": "False",
                "GRADIO_TEMP_DIR": str(directory / "uploads"),
                **environment,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(
            lambda: is_listening(port) or process.poll() is not None,
            seconds=START_SECONDS,
            message=f"{command} listens",
            details=log.read_text,
        )
        assert process.poll() is None, log.read_text()[-3000:]
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def _pid(process: "subprocess.Popen[bytes] | None") -> int:
    assert process is not None
    return process.pid
