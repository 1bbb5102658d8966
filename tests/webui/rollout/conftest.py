"""The rollout app on a real model server, with a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.serving.model_server import Stage, model_server, stage, tiny_models
from webui.rollout.canary import shares
from webui.rollout.serving import serving_client

__all__ = ["model_server", "stage", "tiny_models"]


@pytest.fixture
def site(stage: Stage, db: None, settings: Settings) -> Iterator[Stage]:
    """Settings that lead to the stage's model; `webui.rollout.services` work on it."""
    settings.MODELS_DIR = stage.server.models_dir
    settings.MODEL_NAME = stage.model_name
    settings.SERVING_URL = stage.server.url
    serving_client.cache_clear()
    shares.forget()
    yield stage
    serving_client.cache_clear()
    shares.forget()


@pytest.fixture
def lonely_site(db: None, settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A site whose model server does not answer; its models directory."""
    settings.MODELS_DIR = tmp_path
    settings.MODEL_NAME = "digits"
    settings.SERVING_URL = "http://127.0.0.1:9"
    (tmp_path / "models.config").write_text(
        'model_config_list { config { name: "digits" base_path: "/models/digits" '
        "model_version_policy { specific { versions: 1 versions: 2 } } "
        'version_labels { key: "stable" value: 2 } version_labels { key: "canary" value: 1 } } }'
    )
    for version in (1, 2):
        (tmp_path / "digits" / str(version)).mkdir(parents=True)
    serving_client.cache_clear()
    shares.forget()
    yield tmp_path
    serving_client.cache_clear()
    shares.forget()
