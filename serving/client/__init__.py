"""Asks TensorFlow Serving for predictions and for the state of its versions, over REST."""

from serving.client.client import ServingClient, VersionStatus
from serving.client.errors import (
    InstanceRefused,
    LabelUnknown,
    ServingError,
    ServingUnavailable,
    VersionNotLoaded,
)
from serving.client.predictions import Answer
from serving.client.replicas import ReplicatedClient
from serving.client.transport import REQUEST_ID

ModelClient = ServingClient | ReplicatedClient

__all__ = [
    "REQUEST_ID",
    "Answer",
    "InstanceRefused",
    "LabelUnknown",
    "ModelClient",
    "ReplicatedClient",
    "ServingClient",
    "ServingError",
    "ServingUnavailable",
    "VersionNotLoaded",
    "VersionStatus",
]
