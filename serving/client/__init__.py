"""Asks TensorFlow Serving for predictions and for the state of its versions, over REST."""

from serving.client.client import (
    CLASSES,
    RETRY_AFTER_SECONDS,
    Answer,
    InstanceRefused,
    LabelUnknown,
    ServingClient,
    ServingError,
    ServingUnavailable,
    VersionNotLoaded,
    VersionStatus,
    read_probabilities,
)

__all__ = [
    "CLASSES",
    "RETRY_AFTER_SECONDS",
    "Answer",
    "InstanceRefused",
    "LabelUnknown",
    "ServingClient",
    "ServingError",
    "ServingUnavailable",
    "VersionNotLoaded",
    "VersionStatus",
    "read_probabilities",
]
