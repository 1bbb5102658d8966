"""A real model server for versions under load."""

from tests.serving.model_server import model_server, stage, tiny_models

__all__ = ["model_server", "stage", "tiny_models"]
