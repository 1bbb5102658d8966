"""What several groups of the serving room's tests share."""

from tests.serving.model_server import model_server, stage, tiny_models

__all__ = ["model_server", "stage", "tiny_models"]
