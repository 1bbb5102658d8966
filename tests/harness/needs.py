"""Requirements of a group of tests on the machine."""

import os

import pytest


def need(present: bool, reason: str) -> None:
    """Skips the test or module unless `present`; where CI is "true", fails it.

    Args:
        present: whether the requirement is met.
        reason: what is missing and how to get it, like "chromium (apt-get install chromium)".
    """
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"needs {reason}", pytrace=False)
    pytest.skip(f"needs {reason}", allow_module_level=True)
