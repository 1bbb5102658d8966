"""The site's clients of the model server, made from the settings."""

from functools import cache

from django.conf import settings

from serving.client import ServingClient
from serving.models_config import CONFIG_NAME

PROBE_SECONDS = 1.0  # for each of two questions; the answers take a millisecond
SHADOW_SECONDS = 2.0  # an answer takes milliseconds; a slower shadow misses drawings


@cache
def serving_client() -> ServingClient:
    """Return the client of this process; its threads may share it."""
    return _client()


@cache
def shadow_client() -> ServingClient:
    """Return a client for the shadow, which is not waited for."""
    return _client(read_timeout=SHADOW_SECONDS, restart_seconds=0)


def _client(**seconds: float) -> ServingClient:
    return ServingClient(
        base_url=settings.SERVING_URL,
        model_name=settings.MODEL_NAME,
        config_file=settings.MODELS_DIR / CONFIG_NAME,
        **seconds,
    )


def probe_client() -> ServingClient:
    """Return a client that gives up soon, so that /readyz tells of a frozen model server."""
    return _probe_client(settings.SERVING_URL, settings.MODEL_NAME)


@cache
def _probe_client(base_url: str, model_name: str) -> ServingClient:
    return ServingClient(
        base_url=base_url,
        model_name=model_name,
        connect_timeout=PROBE_SECONDS,
        read_timeout=PROBE_SECONDS,
        label_seconds=0,  # the state of now
    )
