"""HTTP/1.1 as far as libevent's server takes it, on uvloop and httptools.

One `Connection` is one client: requests are answered in order, one at a time. Whatever is not
below `/v1/` (or the metrics page) never reaches the API and gets libevent's HTML.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

import httptools

from serving.server.http.routes import CORS_HEADERS, Answer, RestApi, preflight
from serving.server.metrics import Metrics

API_PATH = re.compile(r"(?i:/v1/.*)")
# evhttp knows these; any other method is 501 before a handler is asked.
METHODS = frozenset(
    {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"}
)
REQUEST_LINE = re.compile(rb"([A-Z][A-Z_-]*) \S+ HTTP/1\.[01]\r?\n")
ABSOLUTE_FORM = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
READ_SECONDS = 50.0  # libevent's HTTP_READ_TIMEOUT: a request must not stall for longer
IDLE_SECONDS = 300.0  # between requests; pools keep connections for about so long
SWEEP_SECONDS = 5.0
MOST_HEADER_BYTES = 256 * 1024
MOST_BODY_BYTES = 1024 * 1024 * 1024  # TensorFlow Serving has no limit; memory has
MOST_PIPELINED = 64
REASONS = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(eq=False)
class ServerState:
    """What all connections of a server share."""

    api: RestApi
    metrics: Metrics
    metrics_path: str | None  # None: off
    cors: bool
    loop: asyncio.AbstractEventLoop
    connections: "set[Connection]" = field(default_factory=set)
    outbox: "deque[tuple[Connection, Answer]]" = field(default_factory=deque)
    wake_up_due: bool = False

    def send(self, connection: "Connection", answer: Answer) -> None:
        """Hands an answer over from a worker; many at once cost one wake-up."""
        self.outbox.append((connection, answer))
        # Two workers may both see False: a wake-up too many, never one too few.
        if not self.wake_up_due:
            self.wake_up_due = True
            self.loop.call_soon_threadsafe(self.drain)

    def drain(self) -> None:
        # Before looking: who adds later, and may not be seen here, wakes the loop again.
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
    gzip: bool
    keep_alive: bool
    version: str


class Connection(asyncio.Protocol):
    def __init__(self, server: ServerState, thread_id: Callable[[], int], loop_thread: int) -> None:
        self._server = server
        self._thread_id = thread_id
        self._loop_thread = loop_thread
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[_Request] = deque()
        self._current: _Request | None = None
        self._refusal: tuple[int, str] | None = None  # after the requests before it
        self._first_bytes = b""
        self._in_request = False
        self._paused = False
        self._is_writable = True
        self._has_ended = False  # the client will send no more
        self.last_data = time.monotonic()
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._origin = ""
        self._gzip = False
        self._expects_continue = False
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    # asyncio

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
            # libevent does not look at Upgrade; what follows is the next request.
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
            self._refuse(501 if unknown else 400, "")

    def eof_received(self) -> bool:
        """The client has sent all it will; what it asked is still answered."""
        self._has_ended = True
        return self.is_busy

    def pause_writing(self) -> None:
        """The client does not read its answers: it gets no more before it does."""
        self._is_writable = False

    def resume_writing(self) -> None:
        self._is_writable = True
        self._server.loop.call_soon(self._next)

    # httptools

    def on_message_begin(self) -> None:
        self._in_request = True
        self._reset()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MOST_HEADER_BYTES:
            raise _TooLarge(400, "headers")
        name = name.lower()
        if name == b"content-encoding":
            self._gzip = b"gzip" in value.lower()
        elif name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
        elif name == b"origin":
            self._origin = value.decode("latin-1")
        elif name == b"content-length" and value.isdigit() and int(value) > MOST_BODY_BYTES:
            raise _TooLarge(413, "body")

    def on_headers_complete(self) -> None:
        if self._expects_continue and self._transport is not None and self._current is None:
            self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > MOST_BODY_BYTES:
            raise _TooLarge(413, "body")

    def on_message_complete(self) -> None:
        self._in_request = False
        path = self._url.decode("utf-8", "surrogateescape")
        if not path.startswith("/"):
            path = ABSOLUTE_FORM.sub("", path, count=1)
        request = _Request(
            method=self._parser.get_method().decode("latin-1"),
            path=path,
            body=b"".join(self._body),
            origin=self._origin,
            gzip=self._gzip,
            keep_alive=self._parser.should_keep_alive(),
            version=self._parser.get_http_version(),
        )
        self._body = []
        if self._current is not None:
            self._waiting.append(request)
            if len(self._waiting) >= MOST_PIPELINED and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        else:
            self._handle(request)

    # Answers.

    @property
    def is_busy(self) -> bool:
        return self._current is not None or bool(self._waiting)

    def is_stale(self, now: float) -> bool:
        """Whether the client has been silent for too long."""
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
            server.api.handle(request.method, request.path, body, self._reply, gzip=request.gzip)

    def _metrics(self, path: str, wanted: str) -> Answer:
        if path != wanted:
            text = f"Unexpected path: {path}. Should be {wanted}"
            return Answer(400, text.encode("utf-8", "surrogateescape"), "text/plain")
        return Answer(200, self._server.metrics.page(), "text/plain")

    def _reply(self, answer: Answer) -> None:
        if self._thread_id() == self._loop_thread:
            self.answer(answer)
        else:
            self._server.send(self, answer)

    def answer(self, answer: Answer) -> None:
        """Writes the answer to the current request and goes on to the next."""
        request = self._current
        if request is None or self._transport is None:
            return
        lines = (
            f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}\r\n"
            f"Content-Type: {answer.content_type}\r\n"
            f"{_date()}"
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
            # Not called directly: a long pipeline must not deepen the stack.
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
        """Answers a request that cannot be read, after those before it, and closes."""
        if self.is_busy:
            self._refusal = (status, reason)
        else:
            self._write_html(status, reason)

    def _write_html(self, status: int, reason: str = "") -> None:
        """libevent's own error page; the connection is closed after it."""
        if self._transport is None:
            return
        title = REASONS[status]
        body = (
            f"<HTML><HEAD>\n<TITLE>{status} {title}</TITLE>\n</HEAD><BODY>\n"
            f"<H1>{title}</H1>\n{reason}</BODY></HTML>\n"
        ).encode("latin-1")
        head_only = self._current is not None and self._current.method == "HEAD"
        self._transport.write(
            f"HTTP/1.1 {status} {title}\r\nContent-Type: text/html\r\n{_date()}"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode("latin-1")
            + (b"" if head_only else body)
        )
        self._current = None
        self._waiting.clear()
        self._transport.close()


class _TooLarge(Exception):
    """(HTTP status, what is too large)"""


def _path_of(path: str) -> str:
    """Without query and fragment, as evhttp looks for a registered path."""
    return re.split(r"[?#]", path, maxsplit=1)[0]


_dated = (0, "")


def _date() -> str:
    """The Date header, made once a second."""
    global _dated
    now = int(time.time())
    if _dated[0] != now:
        _dated = (now, f"Date: {formatdate(now, usegmt=True)}\r\n")
    return _dated[1]
