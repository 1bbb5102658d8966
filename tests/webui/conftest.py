"""A fake model server behind the site, and clients of the site."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.harness.fake_model_server import SURE_SEVEN, FakeModelServer, fake_model_server
from tests.harness.ports import CLOSED_URL
from webui.access import rate_limits as limits
from webui.records.store import store
from webui.rollout.serving import serving_client


@pytest.fixture(autouse=True)
def _fresh_limits(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.RUNTIME_DIR = tmp_path
    limits.limiter.cache_clear()
    yield
    limits.limiter.cache_clear()


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A function that returns what the site has logged in the test, as the site writes it."""
    written = io.StringIO()
    (handler,) = (
        found
        for found in logging.getLogger().handlers
        if isinstance(found, logging.StreamHandler) and found.name == "stderr"
    )
    before = handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    handler.setStream(before)


@pytest.fixture
def model(settings: Settings, tmp_path: Path) -> Iterator[FakeModelServer]:
    """A fake model server with version 4, sure of a seven; the site's settings name it."""
    with fake_model_server() as fake:
        fake.labels, fake.loaded = {"stable": 4}, {4}
        fake.predictions = [SURE_SEVEN]
        settings.SERVING_URLS = (fake.url,)
        settings.MODELS_DIR = tmp_path  # without model cards: the default thresholds
        serving_client.cache_clear()
        store.cache_clear()
        yield fake
        serving_client.cache_clear()
        store.cache_clear()


@pytest.fixture
def dead_model(settings: Settings, model: FakeModelServer) -> Iterator[None]:
    """Settings that name a model server that does not run."""
    settings.SERVING_URLS = (CLOSED_URL,)
    serving_client.cache_clear()
    yield
    serving_client.cache_clear()


@pytest.fixture
def browser_client() -> Client:
    """A browser that has opened the page: cookies, a token, and the headers browsers send."""
    client = Client(enforce_csrf_checks=True)
    client.get("/")
    client.defaults["HTTP_ORIGIN"] = "http://testserver"
    client.defaults["HTTP_SEC_FETCH_SITE"] = "same-origin"
    client.defaults["HTTP_X_CSRFTOKEN"] = client.cookies["csrftoken"].value
    return client
