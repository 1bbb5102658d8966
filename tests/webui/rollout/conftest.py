"""The rollout app on a real model server, with a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.harness.ports import CLOSED_URL
from tests.harness.served_model import ServedModel
from webui.rollout.canary import shares
from webui.rollout.serving import serving_client


@pytest.fixture
def caches() -> Iterator[None]:
    """Empty caches of the client and of the canary's share, before and after a test."""
    serving_client.cache_clear()
    shares.forget()
    yield
    serving_client.cache_clear()
    shares.forget()


@pytest.fixture
def site(served_model: ServedModel, db: None, settings: Settings, caches: None) -> ServedModel:
    """A model in a model server, named by the settings; `webui.rollout.services` changes it."""
    settings.MODELS_DIR = served_model.server.models_dir
    settings.MODEL_NAME = served_model.model_name
    settings.SERVING_URLS = (served_model.server.url,)
    return served_model


@pytest.fixture
def site_without_server(db: None, settings: Settings, caches: None, tmp_path: Path) -> Path:
    """The models directory of a site whose model server does not answer."""
    settings.MODELS_DIR = tmp_path
    settings.MODEL_NAME = "digits"
    settings.SERVING_URLS = (CLOSED_URL,)
    (tmp_path / "models.config").write_text(
        'model_config_list { config { name: "digits" base_path: "/models/digits" '
        "model_version_policy { specific { versions: 1 versions: 2 } } "
        'version_labels { key: "stable" value: 2 } version_labels { key: "canary" value: 1 } } }'
    )
    for version in (1, 2):
        (tmp_path / "digits" / str(version)).mkdir(parents=True)
    return tmp_path
