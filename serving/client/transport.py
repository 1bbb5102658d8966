"""HTTP requests to the model server, bounded in time and in size."""

import json
import time
from contextlib import closing
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from serving.client.errors import (
    RETRY_AFTER_SECONDS,
    ConnectionFailed,
    ServingError,
    ServingUnavailable,
)

# The id of the request that is being answered; it is sent along, and the embedded server logs it.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")

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
        self._prefix = urlsplit(base_url).path.rstrip("/")
        self._read_timeout = read_timeout
        # urllib3 itself: what `requests` adds (cookies, redirects, proxies of the environment) is
        # not wanted here, and would cost more time than the request.
        self._pool = urllib3.connection_from_url(
            base_url,
            maxsize=POOL_CONNECTIONS,
            timeout=urllib3.Timeout(connect=connect_timeout, read=read_timeout),
            retries=False,
            headers={"User-Agent": "drawn-digits"},
        )

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
            except NewConnectionError as error:
                raise self._failed() from error
            except (ConnectTimeoutError, ReadTimeoutError) as error:
                raise ServingUnavailable(
                    f"the model server at {self._base_url} did not answer in time"
                ) from error
            except (ProtocolError, OSError) as error:
                if last_try:
                    raise self._failed() from error
            except HTTPError as error:
                raise ServingUnavailable(
                    f"the answer of the model server at {self._base_url} was interrupted: {error}"
                ) from error
        raise AssertionError("unreachable: the second try answers or raises")

    def _failed(self) -> ConnectionFailed:
        return ConnectionFailed(f"no model server answers at {self._base_url}")

    def _request_once(
        self, method: str, path: str, *, body: bytes | None, limit: int
    ) -> tuple[int, Any]:
        deadline = time.monotonic() + self._read_timeout
        headers = dict(self._pool.headers)
        if body:
            headers["Content-Type"] = "application/json"
        if request_id := REQUEST_ID.get():
            headers["X-Request-ID"] = request_id
        response = self._pool.urlopen(
            method,
            self._prefix + path,
            body=body,
            headers=headers,
            redirect=False,
            preload_content=False,  # so that the size is known before all of it is in memory
        )
        with closing(response):  # it returns to the pool when it has been read to its end
            received = bytearray()
            for chunk in response.stream(1 << 16):
                received += chunk
                if len(received) > limit:
                    raise ServingError(f"the model server's answer is over {limit} bytes")
                if time.monotonic() > deadline:
                    raise ReadTimeoutError(self._pool, path, "the answer came too slowly")
            status = response.status
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
