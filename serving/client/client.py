"""TensorFlow Serving's REST API, asked for predictions and for the state of its versions.

The contract is `tensorflow_serving/g3doc/api_rest.md` and the sources behind it. Two things
are less obvious. An answer does not name the version that gave it, so the label is resolved
first (`GET …/labels/L/metadata`) and that version asked (`POST …/versions/N:predict`); when it
has been unloaded in between (404), the label is resolved once more. And with oneDNN a wrong
rank can end the model server's process, so shapes are checked before anything is sent.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import requests
from numpy.typing import NDArray
from requests.adapters import HTTPAdapter

from serving.client.label_cache import LABEL_CACHE_SECONDS, LabelCache
from serving.labels import STABLE

CONNECT_SECONDS = 1.0  # the model server is a neighbour: a connection takes a millisecond
READ_SECONDS = 10.0  # a prediction takes milliseconds; this is a server in trouble
POOL_CONNECTIONS = 32  # at least the threads of one site process
RETRY_AFTER_SECONDS = 2.0  # what a visitor is told when nobody answers: a restart takes that
RESPONSE_BYTES = 1 << 20  # more than any status, metadata or error document of one model …
INSTANCE_BYTES = 1 << 10  # … and more than 11 numbers of 24 characters, for each instance
CLASSES = (10, 11)  # digits 0..9, and then, since version 2, "not a digit"
ROUNDING = 1e-3  # a softmax may leave 0..1 by its rounding


class ServingError(Exception):
    """The model server answered what no prediction can be read from."""


class ServingUnavailable(ServingError):
    """No model answers now: nobody listens, it takes too long, or no version is loaded.

    Attributes:
        retry_after: seconds after which asking again makes sense.
    """

    def __init__(self, message: str, *, retry_after: float = RETRY_AFTER_SECONDS) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InstanceRefused(ServingError):
    """The model server refused the instances as malformed (400), in its own words."""


class LabelUnknown(ServingError):
    """The model server knows no such version label."""


class VersionNotLoaded(ServingUnavailable):
    """The server answers, but has not (or not any more) loaded the version: 404."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model version said.

    Attributes:
        probabilities: float64 (n, classes), finite, each 0..1.
        version: the version that answered.
        label: the label by which it was chosen.
    """

    probabilities: NDArray[np.float64]
    version: int
    label: str


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
    """Asks one model of one server; for many threads, before and after a fork.

    Args:
        base_url: like "http://serving:8501".
        model_name: the model's name in `models.config`.
        connect_timeout, read_timeout: seconds, for each request of a call.
        config_file: `models.config` where it can be seen: then a label is resolved anew the
            moment the file changes, else within `label_seconds` (see `serving.client.label_cache`).
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
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.model_name = model_name
        self._model_url = f"{self.base_url}/v1/models/{quote(model_name, safe='')}"
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._config_file = config_file
        self._label_seconds = label_seconds
        self._begin_process()

    def _begin_process(self) -> None:
        """A session and locks of this process's own: sockets are not shared over a fork."""
        session = requests.Session()
        session.trust_env = False  # a proxy of the environment is not for a neighbour
        session.headers["User-Agent"] = "drawn-digits"
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=POOL_CONNECTIONS, max_retries=0)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        self._session = session
        self._labels = LabelCache(
            self._label_or_newest,
            model_name=self.model_name,
            config_file=self._config_file,
            seconds=self._label_seconds,
        )
        self._pid = os.getpid()  # last: another thread may be looking

    def _in_this_process(self) -> None:
        if self._pid != os.getpid():
            self._begin_process()

    # --- predictions ---------------------------------------------------------------------

    def predict(self, instances: NDArray[np.floating[Any]], *, label: str = STABLE) -> Answer:
        """Asks the version that the label names.

        A label that the server does not know, or whose version it does not have, is answered
        by the stable version instead, and `Answer.label` says so: a canary that is withdrawn
        while a visitor draws costs that visitor nothing.

        Args:
            instances: (n, 28, 28) or (n, 28, 28, 1), 0..1, ink 1.

        Raises:
            ServingUnavailable: nobody answers in time, or no version is loaded.
            InstanceRefused: the server answers 400.
            ServingError: the answer is no probabilities of n instances.
            ValueError: `instances` has another shape, or a value that is no number.
        """
        self._in_this_process()
        body = _request_body(instances)
        refusal = ""
        for choice in dict.fromkeys((label, STABLE)):
            try:
                return self._predict_by(choice, body, count=len(instances))
            except (LabelUnknown, VersionNotLoaded) as problem:
                refusal = str(problem)
        raise ServingUnavailable(f"no version of {self.model_name!r} is served: {refusal}")

    def _predict_by(self, label: str, body: bytes, *, count: int) -> Answer:
        """Asks the label's version; once more when it was unloaded since the label said so."""
        try:
            return self._predict_version(self._labels.version_of(label), label, body, count)
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

    # --- versions and labels --------------------------------------------------------------

    def resolve(self, label: str) -> int:
        """The version that the label names now.

        Raises:
            LabelUnknown, ServingUnavailable, ServingError
        """
        self._in_this_process()
        return self._labels.version_of(label)

    def ask_label(self, label: str) -> int:
        """The version that the label names, from the server itself, never remembered.

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
        except (KeyError, TypeError, ValueError) as problem:
            raise ServingError(
                f"metadata without model_spec.version: {document!r:.200}"
            ) from problem

    def _label_or_newest(self, label: str) -> int:
        """A server started by --model_name has no labels; stable is then its newest version."""
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
        """Every version that the server has seen since it started, newest first.

        Raises:
            ServingUnavailable: nobody answers, or the server does not have the model.
            ServingError: the answer is no status document.
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
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise ServingError(f"no model status document: {document!r:.200}") from problem
        return sorted(statuses, key=lambda status: -status.version)

    def ready(self) -> bool:
        """Whether a prediction by the stable version could be answered now; asks the server."""
        try:
            self._in_this_process()
            self._label_or_newest(STABLE)
        except ServingError:
            return False
        return True

    # --- HTTP -----------------------------------------------------------------------------

    def _request(
        self, method: str, path: str, *, body: bytes | None = None, limit: int = RESPONSE_BYTES
    ) -> tuple[int, Any]:
        """Status and JSON document of one request, which is put again if it broke off.

        That is safe: a prediction changes nothing. It is worth it: a server may close an idle
        connection just as it is used again. A timeout is not repeated, since it would only
        make the visitor wait twice.
        """
        for last_try in (False, True):
            try:
                return self._request_once(method, path, body=body, limit=limit)
            except requests.Timeout as problem:
                raise ServingUnavailable(
                    f"the model server at {self.base_url} did not answer in time"
                ) from problem
            except requests.ConnectionError as problem:
                if last_try:
                    raise ServingUnavailable(
                        f"no model server answers at {self.base_url}"
                    ) from problem
            except requests.RequestException as problem:
                if last_try or not isinstance(problem, requests.exceptions.ChunkedEncodingError):
                    raise ServingUnavailable(
                        f"the model server at {self.base_url} broke off its answer: {problem}"
                    ) from problem
        raise AssertionError("unreachable: the second try answers or raises")

    def _request_once(
        self, method: str, path: str, *, body: bytes | None, limit: int
    ) -> tuple[int, Any]:
        deadline = time.monotonic() + self._read_timeout
        with self._session.request(
            method,
            self._model_url + path,
            data=body,
            headers={"Content-Type": "application/json"} if body else None,
            timeout=(self._connect_timeout, self._read_timeout),
            allow_redirects=False,
            stream=True,  # so that the size is known before all of it is in memory
        ) as response:
            received = bytearray()
            for chunk in response.iter_content(1 << 16):
                received += chunk
                if len(received) > limit:
                    raise ServingError(f"the model server's answer is over {limit} bytes")
                if time.monotonic() > deadline:
                    raise requests.ReadTimeout("the answer came too slowly")
            status = response.status_code
            if status in (429, 502, 503, 504):
                retry_after = response.headers.get("Retry-After", "")
                raise ServingUnavailable(
                    f"the model server at {self.base_url} answers {status}: "
                    f"{received[:200].decode(errors='replace')}",
                    retry_after=(
                        float(retry_after) if retry_after.isdecimal() else RETRY_AFTER_SECONDS
                    ),
                )
        try:
            # NaN and Infinity pass here, as the contract has them; probabilities are checked.
            return status, json.loads(received)
        except (ValueError, RecursionError) as problem:
            raise ServingError(
                f"{method} {self._model_url}{path} was answered {status} without JSON: "
                f"{received[:200].decode(errors='replace')!r}"
            ) from problem


def _request_body(instances: NDArray[np.floating[Any]]) -> bytes:
    """The row format of `:predict`; `instances` become (n, 28, 28, 1).

    Raises:
        ValueError: naming the shape, or the first instance that holds no numbers.
    """
    array = np.asarray(instances)
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or array.shape[1:] != (28, 28, 1) or not len(array):
        raise ValueError(
            f"instances must be (n, 28, 28) or (n, 28, 28, 1) with n at least 1, "
            f"not {np.shape(instances)}"
        )
    finite = np.isfinite(array).all(axis=(1, 2, 3))
    if not finite.all():
        raise ValueError(f"instance {int(np.argmin(finite))} holds values that are no numbers")
    return json.dumps({"instances": array.tolist()}, separators=(",", ":")).encode()


def read_probabilities(document: Any, *, count: int) -> NDArray[np.float64]:
    """The (count, 10 or 11) probabilities of a predict document.

    Raises:
        ServingError: if it holds anything else: another number or width, NaN, or values
            outside 0..1. Better no answer than a wrong one that is recorded.
    """
    predictions = document.get("predictions") if isinstance(document, Mapping) else None
    try:
        array = np.asarray(predictions)
    except ValueError as problem:
        raise ServingError(f"predictions are ragged: {document!r:.200}") from problem
    if array.dtype.kind not in "fiu":
        raise ServingError(f"predictions are no lists of numbers: {document!r:.200}")
    if array.ndim != 2 or len(array) != count or array.shape[1] not in CLASSES:
        raise ServingError(
            f"predictions have shape {array.shape}; {count} instances should be answered by "
            f"{count} lists of {CLASSES[0]} or {CLASSES[1]} probabilities"
        )
    probabilities = array.astype(np.float64)
    if not ((probabilities >= -ROUNDING) & (probabilities <= 1 + ROUNDING)).all():  # NaN too
        raise ServingError(f"predictions are no probabilities: {document!r:.200}")
    return probabilities.clip(0.0, 1.0)


def _expect_ok(status: int, document: Any) -> None:
    if status == 404:
        raise VersionNotLoaded(_error_text(document))
    if status != 200:
        raise ServingError(f"the model server answers {status}: {_error_text(document)}")


def _error_text(document: Any) -> str:
    """The contract's `{"error": "…"}`, or the start of whatever came instead."""
    if isinstance(document, Mapping) and isinstance(document.get("error"), str):
        return str(document["error"])
    return f"{document!r:.200}"


def _failure(status: Mapping[str, Any]) -> str:
    """`OUT_OF_RANGE: Read less bytes than requested`, or "" for OK."""
    code = str(status.get("error_code", "OK"))
    if code == "OK":
        return ""
    message = str(status.get("error_message", ""))
    return f"{code}: {message}" if message else code
