"""A real Prometheus with the stack's configuration, on servers of this machine."""

import math
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml

from tests.harness import ROOT
from tests.harness.ports import free_port
from tests.harness.waiting import wait_until

MONITORING = ROOT / "deploy" / "monitoring"
MISSING = (
    "" if shutil.which("prometheus") else "prometheus and promtool (apt-get install prometheus)"
)
START_SECONDS = 120

Series = dict[str, Any]  # {"metric": labels, "value": …} or, of a range, {"values": …}


class Prometheus:
    """Asks a running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: Any) -> Any:
        response = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=60)
        assert response.ok, response.text
        return response.json()["data"]

    def query(self, expression: str) -> list[Series]:
        found: list[Series] = self.ask("query", query=expression)["result"]
        return found

    def query_range(self, expression: str, *, seconds: float, step: float) -> list[Series]:
        end = time.time()
        window = {"start": end - seconds, "end": end, "step": step}
        found: list[Series] = self.ask("query_range", query=expression, **window)["result"]
        return found

    def has_data(self, expression: str) -> bool:
        return any(not math.isnan(float(series["value"][1])) for series in self.query(expression))


def local_configuration(
    directory: Path, *, targets: Mapping[str, str], token: str, interval: str
) -> Path:
    """Write deploy/monitoring/prometheus.yml with other targets; jobs without one are left out.

    Args:
        targets: a URL for each job.
        token: METRICS_TOKEN of the site.
        interval: between scrapes, and between evaluations of the rules.
    """
    document = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    document["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
    document["rule_files"] = [str(MONITORING / "alerts.yml")]
    jobs = [job for job in document["scrape_configs"] if job["job_name"] in targets]
    for job in jobs:
        job["static_configs"] = [{"targets": [urlsplit(targets[job["job_name"]]).netloc]}]
        if "authorization" in job:
            job["authorization"] = {"credentials": token}
    document["scrape_configs"] = jobs
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(document))
    return path


@contextmanager
def prometheus(
    directory: Path, *, targets: Mapping[str, str], token: str, interval: str = "1s"
) -> Iterator[Prometheus]:
    """Run Prometheus with its data in `directory`; arguments as of `local_configuration`."""
    address = f"127.0.0.1:{free_port()}"
    log = directory / "prometheus.log"
    configuration = local_configuration(directory, targets=targets, token=token, interval=interval)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={configuration}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def is_ready() -> bool:
        assert process.poll() is None, log.read_text()
        with suppress(requests.RequestException):
            return requests.get(f"http://{address}/-/ready", timeout=10).ok
        return False

    try:
        wait_until(
            is_ready, seconds=START_SECONDS, message="Prometheus is ready", details=log.read_text
        )
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        process.wait(timeout=60)
