"""Errors of the model server's client."""

RETRY_AFTER_SECONDS = 2.0  # about as long as a restart of the model server takes


class ServingError(Exception):
    """The model server's answer cannot be used."""


class ServingUnavailable(ServingError):
    """No model can answer now: no connection, no answer in time, or no version is loaded.

    Attributes:
        retry_after: seconds after which it makes sense to ask again.
    """

    def __init__(self, message: str, *, retry_after: float = RETRY_AFTER_SECONDS) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConnectionFailed(ServingUnavailable):
    """Nothing listens there, or connections are closed: the model server may be restarting."""


class InstanceRefused(ServingError):
    """The model server refused the instances as malformed (400); the message is its own."""


class LabelBehind(ServingUnavailable):
    """The model server has not followed yet a label that `models.config` has moved."""


class LabelUnknown(ServingError):
    """The model server has no such version label."""


class VersionNotLoaded(ServingUnavailable):
    """The model server answers, but does not have the version loaded (404)."""
