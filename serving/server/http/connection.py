"""HTTP/1.1 connections that behave as libevent's HTTP server does, on uvloop and httptools.

A connection answers its requests in order, one at a time. Requests for paths outside `/v1/` and
the metrics page do not reach the API, they get libevent's HTML error page.
"""

import asyncio
import logging
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache, partial
from http import HTTPStatus
from typing import cast

import httptools

from serving.server.http.routes import CORS_HEADERS, Answer, RestApi, preflight
from serving.server.metrics import Metrics

logger = logging.getLogger(__name__)

API_PATH = re.compile(r"(?i:/v1/.*)")
# The methods of libevent's evhttp; all others are answered with 501.
METHODS = frozenset(
    {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"}
)
REQUEST_LINE = re.compile(rb"([A-Z][A-Z_-]*) \S+ HTTP/1\.[01]\r?\n")
ABSOLUTE_FORM = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
READ_SECONDS = 50.0  # the longest pause within a request: libevent's HTTP_READ_TIMEOUT
IDLE_SECONDS = 300.0  # the longest pause between requests; connection pools keep them as long
SWEEP_SECONDS = 5.0
MAX_HEADER_BYTES = 256 * 1024
MAX_BODY_BYTES = 1024 * 1024 * 1024  # TensorFlow Serving has no limit
MAX_PIPELINED = 64
MAX_ID_BYTES = 64  # of X-Request-ID in a log line; the site's have 36
REASONS = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(eq=False)
class ServerState:
    """State shared by all connections of a server."""

    api: RestApi
    metrics: Metrics
    metrics_path: str | None  # None: off
    cors: bool
    loop: asyncio.AbstractEventLoop
    loop_thread: int
    connections: "set[Connection]" = field(default_factory=set)
    outbox: "deque[tuple[Connection, Answer]]" = field(default_factory=deque)
    wake_up_due: bool = False

    def send(self, connection: "Connection", answer: Answer) -> None:
        """Pass an answer to the event loop, from any thread."""
        if threading.get_ident() == self.loop_thread:
            connection.answer(answer)
            return
        self.outbox.append((connection, answer))
        # One wake-up serves all answers in the outbox. If two workers see False at once, the
        # loop wakes up once more than necessary.
        if not self.wake_up_due:
            self.wake_up_due = True
            self.loop.call_soon_threadsafe(self.drain)

    def drain(self) -> None:
        """Write all answers in the outbox, on the event loop's thread."""
        # Reset first, so that an answer appended after the loop below wakes the event loop again.
        self.wake_up_due = False
        while self.outbox:
            connection, answer = self.outbox.popleft()
            connection.answer(answer)


@dataclass
class _Request:
    method: str
    path: str
    body: bytes
    origin: str
    request_id: str
    gzip: bool
    keep_alive: bool
    version: str


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[_Request] = deque()
        self._current: _Request | None = None
        self._refusal: tuple[int, str] | None = None  # sent after the answers to earlier requests
        self._first_bytes = b""
        self._in_request = False
        self._paused = False
        self._is_writable = True
        self._has_ended = False  # the client has closed its side
        self.last_data = time.monotonic()
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._origin = ""
        self._request_id = ""
        self._gzip = False
        self._expects_continue = False
        self._is_chunked = False  # the headers are complete, and a body in chunks follows
        self._has_chunks = False
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    # Methods of asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self.last_data = time.monotonic()
        if self._refusal is not None:
            return
        if not self._in_request:
            self._first_bytes = data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # libevent ignores Upgrade; the rest of the data is the next request.
            self._parser = httptools.HttpRequestParser(self)
            rest = data[upgrade.args[0] :]
            if rest:
                self.data_received(rest)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._refuse(*(cause.args if isinstance(cause, _TooLarge) else (400, "")))
        except httptools.HttpParserError:
            line = REQUEST_LINE.match(self._first_bytes)
            unknown = line is not None and line.group(1).decode() not in METHODS
            # libevent calls a chunk whose size it cannot read too long.
            self._refuse(413 if self._is_chunked else 501 if unknown else 400, "")

    def eof_received(self) -> bool:
        """Answer pending requests before closing."""
        self._has_ended = True
        return self.is_busy

    def pause_writing(self) -> None:
        """Stop answering while the client does not read its answers."""
        self._is_writable = False

    def resume_writing(self) -> None:
        self._is_writable = True
        self._server.loop.call_soon(self._next)

    # Callbacks of httptools.

    def on_message_begin(self) -> None:
        self._in_request = True
        self._reset()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES:
            raise _TooLarge(400, "headers")
        name = name.lower()
        if name == b"content-encoding":
            self._gzip = b"gzip" in value.lower()
        elif name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
        elif name == b"transfer-encoding":
            self._has_chunks = b"chunked" in value.lower()
        elif name == b"origin":
            self._origin = value.decode("latin-1")
        elif name == b"x-request-id":
            self._request_id = value[:MAX_ID_BYTES].decode("latin-1")
        elif name == b"content-length" and value.isdigit() and int(value) > MAX_BODY_BYTES:
            raise _TooLarge(413, "body")

    def on_headers_complete(self) -> None:
        self._is_chunked = self._has_chunks
        if self._expects_continue and self._transport is not None and self._current is None:
            self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            raise _TooLarge(413, "body")

    def on_message_complete(self) -> None:
        self._in_request = self._is_chunked = False
        path = self._url.decode("utf-8", "surrogateescape")
        if not path.startswith("/"):
            path = ABSOLUTE_FORM.sub("", path, count=1)
        request = _Request(
            method=self._parser.get_method().decode("latin-1"),
            path=path,
            body=b"".join(self._body),
            origin=self._origin,
            request_id=self._request_id,
            gzip=self._gzip,
            keep_alive=self._parser.should_keep_alive(),
            version=self._parser.get_http_version(),
        )
        self._body = []
        if self._current is not None:
            self._waiting.append(request)
            if len(self._waiting) >= MAX_PIPELINED and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        else:
            self._handle(request)

    # Requests and answers.

    @property
    def is_busy(self) -> bool:
        return self._current is not None or bool(self._waiting)

    def is_stale(self, now: float) -> bool:
        """Return whether the client has been silent for too long."""
        if self.is_busy:
            return False
        return now - self.last_data > (READ_SECONDS if self._in_request else IDLE_SECONDS)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _handle(self, request: _Request) -> None:
        self._current = request
        server = self._server
        if request.method not in METHODS or request.method == "CONNECT":
            self._write_html(501)
        elif server.metrics_path is not None and _path_of(request.path) == server.metrics_path:
            self.answer(self._metrics(request.path, server.metrics_path))
        elif API_PATH.fullmatch(request.path) is None:
            self._write_html(404)
        elif request.method == "OPTIONS":
            self.answer(preflight(request.origin))
        else:
            body, request.body = request.body, b""
            reply = partial(server.send, self)
            server.api.handle(request.method, request.path, body, reply, gzip=request.gzip)

    def _metrics(self, path: str, wanted: str) -> Answer:
        if path != wanted:
            text = f"Unexpected path: {path}. Should be {wanted}"
            return Answer(400, text.encode("utf-8", "surrogateescape"), "text/plain")
        return Answer(200, self._server.metrics.page(), "text/plain")

    def answer(self, answer: Answer) -> None:
        """Write the answer to the current request and start the next one."""
        request = self._current
        if request is None or self._transport is None:
            return
        if answer.status >= 400 and request.request_id:  # the site's lines have the same id
            logger.warning(
                "%s %a answered %d, request_id=%a",
                request.method, request.path, answer.status, request.request_id,
            )  # fmt: skip
        lines = (
            f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}\r\n"
            f"Content-Type: {answer.content_type}\r\n"
            f"{_date_header(int(time.time()))}"
            f"Content-Length: {len(answer.body)}\r\n"
            f"{CORS_HEADERS if self._server.cors and answer.content_type != 'text/plain' else ''}"
        )
        keep_alive = request.keep_alive
        if not keep_alive:
            lines += "Connection: close\r\n"
        elif request.version == "1.0":
            lines += "Connection: keep-alive\r\n"
        body = b"" if request.method == "HEAD" else answer.body
        self._transport.write(lines.encode("latin-1") + b"\r\n" + body)
        self._finish(keep_alive)

    def _finish(self, keep_alive: bool) -> None:
        self._current = None
        self.last_data = time.monotonic()
        if self._transport is None:
            return
        if not keep_alive:
            self._waiting.clear()
            self._transport.close()
            return
        if self._waiting:
            # A direct call would recurse once for each pipelined request.
            self._server.loop.call_soon(self._next)
        elif self._refusal is not None:
            self._write_html(*self._refusal)
        elif self._has_ended:
            self._transport.close()

    def _next(self) -> None:
        if self._current is None and self._waiting and self._is_writable:
            request = self._waiting.popleft()
            if self._paused and self._transport is not None:
                self._paused = False
                self._transport.resume_reading()
            self._handle(request)

    def _refuse(self, status: int, reason: str) -> None:
        """Send an error page for a malformed request after earlier answers, then close."""
        if self.is_busy:
            self._refusal = (status, reason)
        else:
            self._write_html(status, reason)

    def _write_html(self, status: int, reason: str = "") -> None:
        """Send libevent's error page and close the connection."""
        if self._transport is None:
            return
        title = REASONS[status]
        body = (
            f"<HTML><HEAD>\n<TITLE>{status} {title}</TITLE>\n</HEAD><BODY>\n"
            f"<H1>{title}</H1>\n{reason}</BODY></HTML>\n"
        ).encode("latin-1")
        head_only = self._current is not None and self._current.method == "HEAD"
        date = _date_header(int(time.time()))
        self._transport.write(
            f"HTTP/1.1 {status} {title}\r\nContent-Type: text/html\r\n{date}"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode("latin-1")
            + (b"" if head_only else body)
        )
        self._current = None
        self._waiting.clear()
        self._transport.close()


class _TooLarge(Exception):
    """Headers or a body beyond the limits. Arguments: HTTP status, "headers" or "body"."""


def _path_of(target: str) -> str:
    """Return the path without query and fragment, which evhttp compares."""
    return re.split(r"[?#]", target, maxsplit=1)[0]


@lru_cache(maxsize=1)
def _date_header(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n"
