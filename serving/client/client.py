"""A client of TensorFlow Serving's REST API for one model.

The contract is `tensorflow_serving/g3doc/api_rest.md` and the sources behind it. Two parts of it
are less obvious. An answer does not name the version that gave it, so the label is resolved
first (`GET …/labels/L/metadata`) and that version is asked (`POST …/versions/N:predict`); if it
was unloaded in between (404), the label is resolved once more. And with oneDNN an instance of the
wrong rank can end the model server's process, so shapes are checked before a request is sent.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from serving.client.errors import (
    InstanceRefused,
    LabelBehind,
    LabelUnknown,
    ServingError,
    ServingUnavailable,
    VersionNotLoaded,
)
from serving.client.label_cache import LABEL_CACHE_SECONDS, LabelCache
from serving.client.predictions import Answer, read_probabilities, request_body
from serving.client.restart import RestartPatience
from serving.client.transport import RESPONSE_BYTES, Transport
from serving.labels import STABLE

CONNECT_SECONDS = 1.0  # the model server is nearby: a connection takes a millisecond
READ_SECONDS = 10.0  # a prediction takes milliseconds; a server that takes longer is in trouble
RESTART_SECONDS = 3.0  # TensorFlow Serving ends in milliseconds and is back after 1.5 s
INSTANCE_BYTES = 1 << 10  # in an answer, for each instance: more than 11 numbers of 24 characters


@dataclass(frozen=True, kw_only=True)
class VersionStatus:
    """One version in the model server: START, LOADING, AVAILABLE, UNLOADING, END or UNKNOWN.

    A version that failed is in state END with an error; one that was unloaded, without.
    """

    version: int
    state: str
    error: str = ""

    @property
    def available(self) -> bool:
        return self.state == "AVAILABLE"

    @property
    def failed(self) -> bool:
        return self.state == "END" and bool(self.error)


class ServingClient:
    """Asks one model of one server; safe for many threads, before and after a fork.

    Args:
        base_url: like "http://serving:8501".
        model_name: the model's name in `models.config`.
        connect_timeout, read_timeout: seconds, for each request of a call.
        config_file: `models.config`, if this process can read it: a label is then resolved anew
            as soon as the file changes, else within `label_seconds` (see
            `serving.client.label_cache`).
        label_seconds: the longest time for which a resolved label is cached.
        restart_seconds: the time from the first failed connection within which predictions wait
            for the model server to listen again.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model_name: str,
        connect_timeout: float = CONNECT_SECONDS,
        read_timeout: float = READ_SECONDS,
        config_file: Path | None = None,
        label_seconds: float = LABEL_CACHE_SECONDS,
        restart_seconds: float = RESTART_SECONDS,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.model_name = model_name
        self._model_path = f"/v1/models/{quote(model_name, safe='')}"
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._config_file = config_file
        self._label_seconds = label_seconds
        self._restart_seconds = restart_seconds
        self._begin_process()

    def _begin_process(self) -> None:
        """Makes connections and locks for this process; a fork must not share them."""
        self._transport = Transport(
            base_url=self.base_url,
            connect_timeout=self._connect_timeout,
            read_timeout=self._read_timeout,
        )
        self._labels = LabelCache(
            self._label_or_newest,
            model_name=self.model_name,
            config_file=self._config_file,
            seconds=self._label_seconds,
        )
        self._patience = RestartPatience(self._restart_seconds)
        self._pid = os.getpid()  # last, because another thread may be reading it

    def _in_this_process(self) -> None:
        if self._pid != os.getpid():
            self._begin_process()

    def predict(
        self,
        instances: NDArray[np.floating[Any]],
        *,
        label: str = STABLE,
        or_stable: bool = True,
        must_be_current: bool = False,
    ) -> Answer:
        """Asks the version that the label names.

        If the server does not have the label, or its version, the stable version answers and
        `Answer.label` is `stable`: a canary may be withdrawn while it is being asked. Without
        `or_stable` that is an error.

        While the model server restarts, its connections are refused. The call then waits for it
        until `restart_seconds` after the first failed connection. A longer outage is not waited
        for: each further call tries once, so that no thread of the site is held up.

        Args:
            instances: (n, 28, 28) or (n, 28, 28, 1), 0..1, ink 1.
            label: the version label to ask.
            must_be_current: refuse the answer of a version that the label has left, in
                `models.config`, as long as the server has not followed.

        Raises:
            LabelBehind: the server has not followed, and `must_be_current` is set.
            ServingUnavailable: no answer in time, or no version is loaded.
            InstanceRefused: the server answers 400.
            ServingError: the answer is not probabilities of n instances.
            ValueError: `instances` has another shape, or a value that is not finite.
        """
        self._in_this_process()
        body = request_body(instances)
        labels = tuple(dict.fromkeys((label, STABLE))) if or_stable else (label,)
        return self._patience.ask(
            lambda: self._predict(body, labels, len(instances), must_be_current=must_be_current)
        )

    def predict_by_version(self, instances: NDArray[np.floating[Any]], *, version: int) -> Answer:
        """Asks one version, whatever label it has; `Answer.label` is "".

        Args, waiting for a restart: as `predict`.

        Raises:
            VersionNotLoaded: the server does not have the version.
            And as `predict`.
        """
        self._in_this_process()
        body = request_body(instances)
        return self._patience.ask(lambda: self._predict_version(version, "", body, len(instances)))

    def _predict(
        self, body: bytes, labels: tuple[str, ...], count: int, *, must_be_current: bool
    ) -> Answer:
        refusal = ""
        for choice in labels:
            try:
                return self._predict_by(choice, body, count, must_be_current=must_be_current)
            except (LabelUnknown, VersionNotLoaded) as error:
                refusal = str(error)
        raise ServingUnavailable(f"no version of {self.model_name!r} is served: {refusal}")

    def _predict_by(self, label: str, body: bytes, count: int, *, must_be_current: bool) -> Answer:
        """Asks the label's version; resolves the label once more if it has been unloaded."""
        try:
            version = self._labels.version_of(label)
            if must_be_current and not self._labels.is_current(label, version):
                raise LabelBehind(f"{self.base_url} has not followed the label {label!r} yet")
            return self._predict_version(version, label, body, count)
        except VersionNotLoaded:
            self._labels.forget(label)
            return self._predict_version(self._labels.version_of(label), label, body, count)

    def _predict_version(self, version: int, label: str, body: bytes, count: int) -> Answer:
        status, document = self._request(
            "POST",
            f"/versions/{version}:predict",
            body=body,
            limit=RESPONSE_BYTES + count * INSTANCE_BYTES,
        )
        if status == 400:
            raise InstanceRefused(_error_text(document))
        _expect_ok(status, document)
        probabilities = read_probabilities(document, count=count)
        return Answer(probabilities=probabilities, version=version, label=label)

    def resolve(self, label: str) -> int:
        """Returns the version that the label names now, from the cache if it is still valid.

        Raises:
            LabelUnknown, ServingUnavailable, ServingError
        """
        self._in_this_process()
        return self._labels.version_of(label)

    def ask_label(self, label: str) -> int:
        """Returns the version that the label names, always by a request to the server.

        Raises:
            LabelUnknown, ServingUnavailable, ServingError
        """
        self._in_this_process()
        status, document = self._request("GET", f"/labels/{quote(label, safe='')}/metadata")
        if status == 400 and "label" in _error_text(document):
            raise LabelUnknown(_error_text(document))
        _expect_ok(status, document)
        try:
            return int(document["model_spec"]["version"])
        except (KeyError, TypeError, ValueError) as error:
            raise ServingError(f"metadata without model_spec.version: {document!r:.200}") from error

    def named_by(self, label: str) -> set[int | None]:
        """Returns the version that the label names, asked now; None if it does not exist.

        Of several servers (`ReplicatedClient`) it may be different ones.

        Raises:
            ServingUnavailable, ServingError
        """
        try:
            return {self.ask_label(label)}
        except LabelUnknown:
            return {None}

    def _label_or_newest(self, label: str) -> int:
        """Resolves a label; `stable` is the newest version of a server without labels.

        A server that is started by --model_name has none.
        """
        try:
            return self.ask_label(label)
        except LabelUnknown:
            if label != STABLE:
                raise
        available = [status.version for status in self.versions() if status.available]
        if not available:
            raise VersionNotLoaded(f"no version of {self.model_name!r} is AVAILABLE")
        return max(available)

    def versions(self) -> list[VersionStatus]:
        """Returns every version that the server has seen since it started, newest first.

        Raises:
            ServingUnavailable: no answer, or the server does not have the model.
            ServingError: the answer is not a status document.
        """
        self._in_this_process()
        status, document = self._request("GET", "")
        _expect_ok(status, document)
        try:
            statuses = [
                VersionStatus(
                    version=int(entry["version"]),
                    state=str(entry["state"]),
                    error=_failure(entry.get("status") or {}),
                )
                for entry in document["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ServingError(f"not a model status document: {document!r:.200}") from error
        return sorted(statuses, key=lambda status: -status.version)

    def _request(
        self, method: str, path: str, *, body: bytes | None = None, limit: int = RESPONSE_BYTES
    ) -> tuple[int, Any]:
        return self._transport.request(method, self._model_path + path, body=body, limit=limit)


def _expect_ok(status: int, document: Any) -> None:
    if status == 404:
        raise VersionNotLoaded(_error_text(document))
    if status != 200:
        raise ServingError(f"the model server answers {status}: {_error_text(document)}")


def _error_text(document: Any) -> str:
    """Returns the contract's `{"error": "…"}`, or the start of any other document."""
    if isinstance(document, Mapping) and isinstance(document.get("error"), str):
        return str(document["error"])
    return f"{document!r:.200}"


def _failure(status: Mapping[str, Any]) -> str:
    """Returns a status like `OUT_OF_RANGE: Read less bytes than requested`, or "" for OK."""
    code = str(status.get("error_code", "OK"))
    if code == "OK":
        return ""
    message = str(status.get("error_message", ""))
    return f"{code}: {message}" if message else code
