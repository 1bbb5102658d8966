"""A real browser."""

import shutil
from typing import Any

import pytest

from tests.harness.needs import need

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    need(CHROMIUM is not None, "chromium (apt-get install chromium)")
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        # Tests may run as root, in a container without a GPU; nothing is fetched by itself.
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    }
