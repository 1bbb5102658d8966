"""The site's clients of the model server, or of several, made from the settings."""

from collections.abc import Sequence
from functools import cache

from django.conf import settings

from serving.client import ModelClient, ReplicatedClient, ServingClient
from serving.client.client import READ_SECONDS, RESTART_SECONDS
from serving.client.replicas import READ_SECONDS as REPLICA_SECONDS
from serving.models_config import CONFIG_NAME

PROBE_SECONDS = 1.0  # for each of two questions; the answers take a millisecond
SHADOW_SECONDS = 2.0  # an answer takes milliseconds; a slower shadow misses drawings


@cache
def serving_client() -> ModelClient:
    """Return the client of this process; its threads may share it."""
    several = len(settings.SERVING_URLS) > 1
    return _client(read_timeout=REPLICA_SECONDS if several else READ_SECONDS)


@cache
def shadow_client() -> ModelClient:
    """Return a client for the shadow, which is not waited for."""
    return _client(read_timeout=SHADOW_SECONDS, restart_seconds=0)


def _client(*, read_timeout: float, restart_seconds: float = RESTART_SECONDS) -> ModelClient:
    several = len(settings.SERVING_URLS) > 1
    clients = [
        ServingClient(
            base_url=url,
            model_name=settings.MODEL_NAME,
            config_file=settings.MODELS_DIR / CONFIG_NAME,
            read_timeout=read_timeout,
            restart_seconds=0 if several else restart_seconds,
        )
        for url in settings.SERVING_URLS
    ]
    return ReplicatedClient(clients, restart_seconds=restart_seconds) if several else clients[0]


def probe_clients() -> Sequence[ServingClient]:
    """Return clients that give up soon, so that /readyz tells of a frozen model server."""
    return [_probe_client(url, settings.MODEL_NAME) for url in settings.SERVING_URLS]


@cache
def _probe_client(base_url: str, model_name: str) -> ServingClient:
    return ServingClient(
        base_url=base_url,
        model_name=model_name,
        connect_timeout=PROBE_SECONDS,
        read_timeout=PROBE_SECONDS,
        label_seconds=0,  # the state of now
    )
