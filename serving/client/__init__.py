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
from serving.client.transport import REQUEST_ID

__all__ = [
    "REQUEST_ID",
    "Answer",
    "InstanceRefused",
    "LabelUnknown",
    "ServingClient",
    "ServingError",
    "ServingUnavailable",
    "VersionNotLoaded",
    "VersionStatus",
]
