"""gunicorn's worker for the site: a thread gets a request when all of it has arrived.

gunicorn's own threaded worker reads a request and writes its answer in a thread, so that as many
slow clients as there are threads stop the site. Here the loop of the worker's main thread reads
from and writes to all connections, with a deadline for each; gunicorn's parser and its WSGI code
then work on what is in memory, in a thread of the pool.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

import structlog
from gunicorn.errors import ConfigError
from gunicorn.http import errors as http_errors
from gunicorn.http import get_parser
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from webui.errors import ApiError, general_error
from webui.http_server import refusals
from webui.http_server.connection import (
    ANSWER_SECONDS,
    BODY_SECONDS,
    HEAD_SECONDS,
    LEAST_BYTES_A_SECOND,
    LINGER_SECONDS,
    Connection,
    Stage,
)
from webui.http_server.framing import Progress
from webui.request_limits import MAX_BODY_BYTES

MAX_HELD_BYTES = 32 * 1024 * 1024  # of requests and answers in a worker: four of the largest
SMALL_REQUEST_BYTES = 32 * 1024  # a drawing's: never dropped, and 800 of them are 25 MB
READ_BYTES = 256 * 1024
SWEEP_SECONDS = 0.5  # between two looks for connections whose time is over
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

logger = structlog.get_logger(__name__)


class BufferingWorker(ThreadWorker):
    """Serves requests in threads, and waits for clients in none."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._connections: set[Connection] = set()
        self._next_sweep = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.is_ssl:
            raise ConfigError("this worker speaks no TLS: put a proxy in front that does")
        super().check_config(cfg, log)

    # Connections come and go.

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._stop_listening()

    def _stop_listening(self) -> None:
        """Take the connections that wait, and refuse new ones, so that a proxy asks another site.

        While the socket stayed open, the system would go on taking connections, which nobody
        accepts any more.
        """
        for listener in self.sockets:
            while self.accept(listener):
                pass
        self._close_listeners()

    def _close_listeners(self) -> None:
        for listener in self.sockets:
            listener.close()
        self.sockets: list[Any] = []

    def accept(self, listener: Any) -> bool:
        """Take a connection; return whether one waited."""
        try:
            sock, client = listener.accept()
        except OSError:  # the client is gone, or another worker was faster
            return False
        if self.nr_conns >= self.worker_connections - 1:
            self._close_the_longest_waiting()
        connection = Connection(sock, client, listener.getsockname(), max_body=MAX_BODY_BYTES)
        self.nr_conns += 1
        self._connections.add(connection)
        self._register(connection, EVENT_READ, self._on_readable)
        self._on_readable(connection)  # most clients have sent their request by now
        return True

    def _close(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            self._unregister(connection)
            connection.close_socket()
            self.nr_conns -= 1

    def _unregister(self, connection: Connection) -> None:
        if connection.on_ready is not None:
            connection.on_ready = None
            self.poller.unregister(connection)

    def _register(
        self, connection: Connection, event: int, callback: Callable[[Connection], None]
    ) -> None:
        self._unregister(connection)
        connection.on_ready = callback
        self.poller.register(connection, event, self._dispatch)

    def _dispatch(self, connection: Connection) -> None:
        """Call what waits for the connection, unless another event of this round ended that."""
        if connection.on_ready is not None:
            connection.on_ready(connection)

    # From the first byte of a request to a thread.

    def _on_readable(self, connection: Connection) -> None:
        received = connection.receive(READ_BYTES)
        if received is None:
            return
        if not received:
            self._close(connection)
            return
        now = time.monotonic()
        if connection.stage is Stage.IDLE:
            connection.stage = Stage.READING
            connection.deadline = now + HEAD_SECONDS
        before = connection.incoming.progress
        progress = connection.incoming.feed(received)
        if progress is Progress.BODY:
            if before is Progress.HEAD:
                connection.deadline = now + BODY_SECONDS
                if connection.incoming.expects_continue:
                    connection.sendall(CONTINUE)
                    connection.flush()
            connection.deadline += len(received) / LEAST_BYTES_A_SECOND
        elif progress is not Progress.HEAD:
            self._start(connection)
            return
        self._bound_memory()

    def _start(self, connection: Connection) -> None:
        self._unregister(connection)
        connection.stage = Stage.RUNNING
        self.enqueue_req(connection)

    # In a thread.

    def handle(self, connection: Connection) -> bool:
        """Answer the request that has arrived, and return whether the connection may go on."""
        request = None
        incoming = connection.incoming
        parser = get_parser(self.cfg, incoming.pieces(), connection.client)
        try:
            request = next(parser)
            request._expected_100_continue = False  # the loop has sent it
            may_go_on = self.handle_request(request, connection)
            if not may_go_on or incoming.progress is not Progress.WHOLE:
                return False
            # All of it belonged to the request, or the two parsers disagree on where it ends.
            return bool(parser.finish_body()) and not parser.unreader.read()
        except StopIteration:  # an answer broke off
            return False
        except http_errors.NoMoreData:
            self._refuse(connection, general_error(431 if incoming.head_too_long else 413))
            return False
        except OSError as problem:
            logger.debug("client_gone", problem=str(problem))
            connection.broken = True
            return False
        except Exception as problem:
            self.handle_error(request, connection, connection.client, problem)
            return False

    def handle_error(
        self, _request: Any, connection: Any, _address: object, problem: Exception
    ) -> None:
        """Answer a request that gunicorn refuses, or that the site failed to answer."""
        self._refuse(connection, refusals.refusal(problem), problem)

    def _refuse(
        self, connection: Connection, error: ApiError, problem: Exception | None = None
    ) -> None:
        """Add an error to what is to be sent; the log names neither the client nor its words."""
        refusals.REFUSALS.labels(str(error.status), error.code).inc()
        request_id = refusals.new_request_id()
        failed = problem if error.status == 500 else None
        logger.log(
            40 if failed else 30,
            "request_refused",
            code=error.code,
            status=error.status,
            problem=type(problem).__name__ if problem else None,
            request_id=request_id,
            exc_info=failed,
        )
        if not connection.broken:
            connection.sendall(refusals.response(error, request_id))

    # From the answer to the next request.

    def finish_request(self, connection: Connection, future: "Future[bool]") -> None:
        """Continue when a thread is done; called by the loop."""
        failed = future.cancelled() or future.exception() is not None
        connection.keep_alive = not failed and future.result()
        self._answer(connection)

    def _answer(self, connection: Connection) -> None:
        connection.stage = Stage.SENDING
        connection.deadline = time.monotonic() + ANSWER_SECONDS
        self._send(connection)
        if connection.stage is Stage.SENDING:
            self._register(connection, EVENT_WRITE, self._send)
            self._bound_memory()

    def _send(self, connection: Connection) -> None:
        connection.flush()
        if connection.broken:
            self._close(connection)
        elif connection.has_unsent:
            return
        elif connection.keep_alive:
            self._await_next(connection)
        else:
            self._linger(connection)

    def _await_next(self, connection: Connection) -> None:
        connection.incoming = connection.incoming.next_request()
        now = time.monotonic()
        if connection.incoming.data:
            connection.stage = Stage.READING
            connection.deadline = now + HEAD_SECONDS
            if connection.incoming.advance() not in (Progress.HEAD, Progress.BODY):
                self._start(connection)
                return
        else:
            connection.stage = Stage.IDLE
            connection.deadline = now + (
                self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER
            )
        self._register(connection, EVENT_READ, self._on_readable)

    def _linger(self, connection: Connection) -> None:
        """Close in the order of RFC 9112 section 9.6, so that the client can read the answer."""
        connection.stage = Stage.LINGERING
        connection.deadline = time.monotonic() + LINGER_SECONDS
        connection.incoming.data.clear()
        try:
            connection.finish_sending()
        except OSError:
            self._close(connection)
            return
        self._register(connection, EVENT_READ, self._discard)

    def _discard(self, connection: Connection) -> None:
        if connection.receive(READ_BYTES) == b"":
            self._close(connection)

    # Limits of time and memory.

    def murder_pending(self) -> None:
        """End connections whose time is over; called by gunicorn after each round of its loop."""
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP_SECONDS
        for connection in list(self._connections):
            if connection.deadline <= now and connection.stage is not Stage.RUNNING:
                if connection.stage is Stage.READING and connection.incoming.data:
                    self._end(connection, general_error(408))
                else:
                    self._close(connection)

    def _end(self, connection: Connection, error: ApiError) -> None:
        self._unregister(connection)
        connection.keep_alive = False
        self._refuse(connection, error)
        self._answer(connection)

    def _bound_memory(self) -> None:
        """Drop the largest requests that are not whole, and answers, when all take too much.

        Large requests that run count, too, but a drawing must not be refused because of them.
        """
        while sum(each.held_bytes for each in self._connections) > MAX_HELD_BYTES:
            waiting = [
                each
                for each in self._connections
                if each.stage in (Stage.READING, Stage.SENDING)
                and each.held_bytes > SMALL_REQUEST_BYTES
            ]
            largest = max(waiting, key=lambda each: each.held_bytes, default=None)
            if largest is None:
                return
            if largest.stage is Stage.READING:
                largest.incoming.data.clear()
                self._end(largest, general_error(503))
            else:
                self._close(largest)

    def _close_the_longest_waiting(self) -> None:
        """Make room for a new connection; slow clients are the oldest ones that wait."""
        waiting = [each for each in self._connections if each.stage is not Stage.RUNNING]
        if waiting:
            self._close(min(waiting, key=lambda each: each.deadline))

    def _cap_keepalive(self, deadline: float) -> None:
        """Give clients that have not sent a whole request this long when the worker stops."""
        for connection in self._connections:
            if connection.stage in (Stage.IDLE, Stage.READING):
                connection.deadline = min(connection.deadline, deadline)

    def is_parent_alive(self) -> bool:
        """Return whether gunicorn's master lives; without it no new connection is taken."""
        if super().is_parent_alive():
            return True
        self.set_accept_enabled(False)
        self._close_listeners()
        return False
