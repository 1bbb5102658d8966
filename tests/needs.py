"""What a group of tests needs from the machine: missing, it is skipped; in CI, it is a failure."""

import os

import pytest


def need(present: bool, reason: str) -> None:
    """Skips the test (or module) unless `present`; with CI=true it fails instead.

    Args:
        present: whether the thing is there.
        reason: what is missing and how to get it, like "chromium (apt-get install chromium)".
    """
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"needs {reason}", pytrace=False)
    pytest.skip(f"needs {reason}", allow_module_level=True)
