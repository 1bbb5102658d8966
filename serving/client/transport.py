"""HTTP requests to the model server, bounded in time and in size."""

import json
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

from serving.client.errors import (
    RETRY_AFTER_SECONDS,
    ConnectionFailed,
    ServingError,
    ServingUnavailable,
)

POOL_CONNECTIONS = 32  # at least the threads of one site process
RESPONSE_BYTES = 1 << 20  # larger than any status, metadata or error document of one model


class Transport:
    """Pooled connections of one process to one model server.

    Args:
        base_url: like "http://serving:8501".
        connect_timeout: seconds, for each connection.
        read_timeout: seconds, for each answer.
    """

    def __init__(self, *, base_url: str, connect_timeout: float, read_timeout: float) -> None:
        self._base_url = base_url
        self._timeout = (connect_timeout, read_timeout)
        self._session = requests.Session()
        self._session.trust_env = False  # the environment's proxy is for other machines
        self._session.headers["User-Agent"] = "drawn-digits"
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=POOL_CONNECTIONS, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def request(
        self, method: str, path: str, *, body: bytes | None = None, limit: int = RESPONSE_BYTES
    ) -> tuple[int, Any]:
        """Returns the status and the JSON document of one request.

        A request whose connection breaks is sent a second time, because a server may close an
        idle connection just as it is used again; a prediction changes nothing, so this is safe.
        After a timeout it is not repeated: the visitor would only wait twice as long.

        Raises:
            ConnectionFailed: nothing listens, or the connection broke twice.
            ServingUnavailable: no answer in time, or a status for later.
            ServingError: the answer is longer than `limit` bytes, or not JSON.
        """
        for last_try in (False, True):
            try:
                return self._request_once(method, path, body=body, limit=limit)
            except requests.Timeout as error:
                raise ServingUnavailable(
                    f"the model server at {self._base_url} did not answer in time"
                ) from error
            except requests.ConnectionError as error:
                if last_try or _is_refused(error):
                    raise ConnectionFailed(
                        f"no model server answers at {self._base_url}"
                    ) from error
            except requests.RequestException as error:
                if last_try or not isinstance(error, requests.exceptions.ChunkedEncodingError):
                    raise ServingUnavailable(
                        f"the answer of the model server at {self._base_url} was interrupted: "
                        f"{error}"
                    ) from error
        raise AssertionError("unreachable: the second try answers or raises")

    def _request_once(
        self, method: str, path: str, *, body: bytes | None, limit: int
    ) -> tuple[int, Any]:
        deadline = time.monotonic() + self._timeout[1]
        with self._session.request(
            method,
            self._base_url + path,
            data=body,
            headers={"Content-Type": "application/json"} if body else None,
            timeout=self._timeout,
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
                    f"the model server at {self._base_url} answers {status}: "
                    f"{received[:200].decode(errors='replace')}",
                    retry_after=(
                        float(retry_after) if retry_after.isdecimal() else RETRY_AFTER_SECONDS
                    ),
                )
        try:
            # The contract allows NaN and Infinity here; probabilities are checked later.
            return status, json.loads(received)
        except (ValueError, RecursionError) as error:
            raise ServingError(
                f"{method} {self._base_url}{path} was answered {status} without JSON: "
                f"{received[:200].decode(errors='replace')!r}"
            ) from error


def _is_refused(error: requests.ConnectionError) -> bool:
    """Returns whether no connection was made, so that the same would happen at once again."""
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
