"""The bound of the memory that a worker's connections hold."""

import selectors
import socket
from collections.abc import Callable, Iterator

import pytest

from webui.http_server.connection import Connection, Stage
from webui.http_server.worker import MAX_HELD_BYTES, BufferingWorker
from webui.request_limits import MAX_BODY_BYTES

Connect = Callable[[Stage, int], tuple[Connection, socket.socket]]


@pytest.fixture
def worker() -> Iterator[BufferingWorker]:
    """A worker that gunicorn has not started."""
    worker = BufferingWorker.__new__(BufferingWorker)
    worker._connections, worker.nr_conns = set(), 0
    worker.poller = selectors.DefaultSelector()
    yield worker
    worker.poller.close()


@pytest.fixture
def connect(worker: BufferingWorker) -> Iterator[Connect]:
    """Gives the worker a connection that holds so many bytes; also its client's end."""
    clients = []

    def connect(stage: Stage, held_bytes: int) -> tuple[Connection, socket.socket]:
        site, client = socket.socketpair()
        clients.append(client)
        client.settimeout(10)
        connection = Connection(site, "", "", max_body=MAX_BODY_BYTES)
        connection.stage = stage
        connection.incoming.data += bytes(held_bytes)
        worker._connections.add(connection)
        worker.nr_conns += 1
        return connection, client

    yield connect
    for connection in list(worker._connections):
        connection.close_socket()
    for client in clients:
        client.close()


def test_a_drawing_is_read_while_large_requests_run(
    worker: BufferingWorker, connect: Connect
) -> None:
    for _ in range(MAX_HELD_BYTES // MAX_BODY_BYTES + 1):
        connect(Stage.RUNNING, MAX_BODY_BYTES)
    drawing, _client = connect(Stage.READING, 5_000)
    worker._bound_memory()
    assert drawing.stage is Stage.READING
    assert len(drawing.incoming.data) == 5_000


def test_the_largest_request_that_is_not_whole_is_refused(
    worker: BufferingWorker, connect: Connect
) -> None:
    connect(Stage.RUNNING, MAX_HELD_BYTES - 1_000_000)
    smaller, _client = connect(Stage.READING, 400_000)
    _larger, client = connect(Stage.READING, 800_000)
    worker._bound_memory()
    assert client.recv(100).startswith(b"HTTP/1.1 503")
    assert smaller.stage is Stage.READING
