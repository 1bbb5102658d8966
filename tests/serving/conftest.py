"""What several groups of the serving room's tests share."""

from pathlib import Path

import pytest

from tests.serving.tiny_models import build_tiny_models


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SavedModels by name, see `tests.serving.tiny_models`; do not change them, copy them."""
    directory = tmp_path_factory.mktemp("tiny-models")
    build_tiny_models(directory)
    return directory
