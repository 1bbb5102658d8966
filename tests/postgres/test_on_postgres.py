"""The tests of the default database, which run on SQLite elsewhere, on PostgreSQL."""

import os
import subprocess
import sys

import pytest

from tests.harness import ROOT


@pytest.mark.parametrize(
    "tests",
    [
        pytest.param(
            ["tests/webui/records", "tests/webui/database/test_maintenance.py"], id="records"
        ),
        pytest.param(
            ["tests/cassandra/test_spool.py", "tests/cassandra/test_commands.py"], id="spool"
        ),
        pytest.param(
            [
                "tests/webui/review",
                "tests/webui/dashboard",
                "tests/webui/recognition/test_shadow.py",
            ],
            id="learning",
        ),
    ],
)
def test_the_same_tests_pass(
    postgres_url: str, tests: list[str], pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("randomly_seed", None)
    order = ["-p", "no:randomly"] if seed is None else [f"--randomly-seed={seed}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *order, *tests],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE_URL": postgres_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout[-5000:]
