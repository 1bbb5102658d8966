"""Fixtures that several groups of tests use; the servers start once in a test run."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.bundled_site import bundled_site
from tests.harness.drawings import recorded_strokes
from tests.harness.model_server import ModelServerProcess
from tests.harness.served_model import ServedModel
from tests.harness.site import SiteProcess
from tests.harness.tiny_models import build_tiny_models

NO_MODELS = "model_config_list {}\n"
WALL_CODE = "only-for-tests"
METRICS_TOKEN = "only-for-tests-6120"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SavedModels by name, see `tests.harness.tiny_models`; copy them, do not change them."""
    directory = tmp_path_factory.mktemp("tiny-models")
    build_tiny_models(directory)
    return directory


@pytest.fixture(scope="session")
def model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServerProcess]:
    """A model server; it starts with the first model that a `served_model` serves."""
    server = ModelServerProcess(tmp_path_factory.mktemp("models"))
    server.config_path.write_text(NO_MODELS)
    yield server
    server.kill()


@pytest.fixture
def served_model(model_server: ModelServerProcess, tiny_models: Path) -> Iterator[ServedModel]:
    """Versions 1 and 2, loaded, which predict digits 1 and 2; 1 is stable."""
    model = ServedModel(model_server, tiny_models, model_name=f"digits_{next(_numbers)}")
    model.serve(versions={1: "digit-1", 2: "digit-2"}, stable=1)
    yield model
    shutil.rmtree(model.repository.model_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def live_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """The site with the bundled model versions, a model server and a superuser."""
    directory = tmp_path_factory.mktemp("live-site")
    contact = "Ada Example, ada@example.org"
    settings = {"WALL_CODE": WALL_CODE, "PRIVACY_CONTACT": contact, "METRICS_TOKEN": METRICS_TOKEN}
    with bundled_site(directory, **settings) as site:
        yield site


@pytest.fixture(scope="session")
def strokes() -> dict[str, list[list[list[int]]]]:
    """One person's strokes for each digit (UNIPEN, see the file)."""
    return recorded_strokes()


@pytest.fixture
def fresh_store() -> Iterator[None]:
    """A store of the test's own, and nothing kept from the tests before."""
    from webui.dashboard import statistics  # Django's apps are not ready before
    from webui.records.store import store
    from webui.review import queue

    kept: list[Callable[[], None]] = [
        store.cache_clear,
        queue.rankings.clear,
        statistics.latest.clear,
    ]
    for clear in kept:
        clear()
    yield
    for clear in kept:
        clear()
