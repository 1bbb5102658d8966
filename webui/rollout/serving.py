"""The site's client of the model server, made from the settings."""

from functools import cache

from django.conf import settings

from serving.client import ServingClient
from serving.models_config import CONFIG_NAME


@cache
def serving_client() -> ServingClient:
    """Return the client of this process; its threads may share it."""
    return ServingClient(
        base_url=settings.SERVING_URL,
        model_name=settings.MODEL_NAME,
        config_file=settings.MODELS_DIR / CONFIG_NAME,
    )
