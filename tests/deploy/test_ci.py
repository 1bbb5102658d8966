"""The hosted workflow runs .ci/run, with few rights and the images that the stack uses."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.harness import ROOT
from tests.stack.compose import SERVING_IMAGE

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


@pytest.fixture
def workflow() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return document


def test_the_job_is_limited(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


def test_it_runs_ci_run_with_actions_of_a_named_version(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["test"]["steps"]
    assert steps[-1]["run"] == ".ci/run"
    actions = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+(\.\d+)*", action) for action in actions)


def test_the_images_are_those_of_the_stack(workflow: dict[str, Any]) -> None:
    commands = "\n".join(step.get("run", "") for step in workflow["jobs"]["test"]["steps"])
    pulled = set(re.findall(r"docker pull -q (\S+)", commands))
    dockerfiles = "\n".join(path.read_text() for path in ROOT.glob("deploy/docker/*.Dockerfile"))
    bases = set(re.findall(r"^ARG PYTHON_IMAGE=(\S+)", dockerfiles, re.MULTILINE))
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert pulled == {*bases, SERVING_IMAGE, services["cassandra"]["image"]}


def test_ci_run_is_valid_bash() -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True, timeout=10)
