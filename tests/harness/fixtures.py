"""Fixtures that several groups of tests use; the servers start once in a test run."""

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.versions.bundled import install_bundled
from tests.harness import ROOT
from tests.harness.model_server import ModelServerProcess
from tests.harness.served_model import ServedModel
from tests.harness.site import SiteProcess
from tests.harness.tiny_models import build_tiny_models

NO_MODELS = "model_config_list {}\n"
USER, PASSWORD = "keeper", "only-for-these-tests-7301"
WALL_CODE = "only-for-tests"
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
    server = ModelServerProcess(directory / "models")
    install_bundled(server.models_dir)
    site = SiteProcess(
        directory,
        SERVING_URL=server.url,
        MODELS_DIR=str(server.models_dir),
        WALL_CODE=WALL_CODE,
        PRIVACY_CONTACT="Ada Example, ada@example.org",
    )
    try:
        server.start()
        site.succeed("migrate", "--verbosity=0")
        site.succeed("collectstatic", "--verbosity=0", "--no-input")
        site.succeed(
            *("createsuperuser", "--no-input", f"--username={USER}", "--email="),
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )
        site.start()
        yield site
    finally:
        site.stop()
        server.kill()


@pytest.fixture(scope="session")
def strokes() -> dict[str, list[list[list[int]]]]:
    """One person's strokes for each digit (UNIPEN, see the file)."""
    kept = json.loads((ROOT / "tests" / "data" / "strokes.json").read_text())["digits"]
    return {one["label"]: one["strokes"] for one in reversed(kept)}
