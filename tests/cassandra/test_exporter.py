"""A real node under the JMX exporter with the stack's rules gives the metrics that they name."""

import re
import subprocess
from pathlib import Path

import pytest
import requests
import yaml

from deploy.cassandra.node import Node, missing, running
from tests.harness import ROOT
from tests.harness.needs import need
from tests.harness.ports import free_port
from tests.harness.prometheus import MONITORING

RULES = MONITORING / "cassandra-exporter.yml"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent that docs/operations.md names, by the command that it gives."""
    need(not missing(), missing())
    given = re.search(r"-Dartifact=(\S+)", (ROOT / "docs" / "operations.md").read_text())
    assert given is not None
    directory = tmp_path_factory.mktemp("exporter")
    subprocess.run(
        [
            *("mvn", "-B", "-q", "dependency:copy"),
            *(f"-Dartifact={given[1]}", f"-DoutputDirectory={directory}"),
        ],
        cwd=directory,
        check=True,
        timeout=300,
    )
    (jar,) = directory.glob("*.jar")
    return jar


def test_every_rule_gives_a_metric(agent: Path, tmp_path: Path) -> None:
    port = free_port()
    node = Node(
        directory=tmp_path,
        port=free_port(),
        storage_port=free_port(),
        flags=[f"-javaagent:{agent}=127.0.0.1:{port}:{RULES}"],
    )
    with running([node]):
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    given = set(re.findall(r"^(cassandra_\w+)", text, re.MULTILINE))
    assert given == {rule["name"] for rule in yaml.safe_load(RULES.read_text())["rules"]}
    assert re.search(r'^cassandra_requests_total\{operation="Write",?\} ', text, re.MULTILINE)
