"""The site on a real model server with two versions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.client import ServingError
from serving.labels import STABLE
from tests.harness.served_model import ServedModel
from tests.harness.site import SiteProcess
from tests.harness.visitors import Visitors
from tests.rollout.operator import Operator, operator


@pytest.fixture
def site(served_model: ServedModel, tmp_path: Path) -> Iterator[SiteProcess]:
    site = SiteProcess(
        tmp_path,
        SERVING_URL=served_model.server.url,
        MODELS_DIR=str(served_model.server.models_dir),
        MODEL_NAME=served_model.model_name,
    )
    site.succeed("migrate", "--verbosity=0")
    site.start()
    yield site
    site.stop()


@pytest.fixture
def operate(site: SiteProcess) -> Iterator[Operator]:
    with operator(site.environment) as process:
        yield process


@pytest.fixture
def visitors(site: SiteProcess, served_model: ServedModel) -> Visitors:
    """Visitors without a pause, who note the server's stable version before and after."""

    def stable_version() -> int | None:
        try:
            return served_model.client.ask_label(STABLE)
        except ServingError:
            return None

    return Visitors(site.url, pause=0.0, observe=stable_version)
