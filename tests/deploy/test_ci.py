"""The hosted workflows: .ci/run with the images of the stack, and the audit of the lock file."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.harness import ROOT
from tests.stack.compose import SERVING_IMAGE

WORKFLOWS = ROOT / ".github" / "workflows"


def read_workflow(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((WORKFLOWS / name).read_text())
    return document


@pytest.fixture
def workflow() -> dict[str, Any]:
    return read_workflow("ci.yml")


@pytest.mark.parametrize("name", ["audit.yml", "ci.yml"])
def test_jobs_are_limited_and_use_actions_of_a_named_version(name: str) -> None:
    document = read_workflow(name)
    assert document["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in document["jobs"].values())
    steps = [step for job in document["jobs"].values() for step in job["steps"]]
    actions = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+(\.\d+)*", action) for action in actions)


def test_ci_runs_ci_run(workflow: dict[str, Any]) -> None:
    assert workflow["jobs"]["test"]["steps"][-1]["run"] == ".ci/run"


def test_the_audit_runs_targets_of_the_makefile() -> None:
    steps = read_workflow("audit.yml")["jobs"]["audit"]["steps"]
    targets = [step["run"].removeprefix("make ") for step in steps if "run" in step]
    makefile = (ROOT / "Makefile").read_text()
    assert targets == ["audit", "sbom"]
    assert all(f".PHONY: {target}\n" in makefile for target in targets)


def test_the_images_are_those_of_the_stack(workflow: dict[str, Any]) -> None:
    commands = "\n".join(step.get("run", "") for step in workflow["jobs"]["test"]["steps"])
    pulled = set(re.findall(r"docker pull -q (\S+)", commands))
    dockerfiles = "\n".join(path.read_text() for path in ROOT.glob("deploy/docker/*.Dockerfile"))
    bases = set(re.findall(r"^ARG [A-Z]+_IMAGE=(\S+)", dockerfiles, re.MULTILINE))
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    default = re.fullmatch(r"\$\{CASSANDRA_IMAGE:-(.+)\}", services["cassandra"]["image"])
    assert default is not None
    assert pulled == {*bases, SERVING_IMAGE, default[1]}


def test_ci_run_is_valid_bash() -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True, timeout=10)
