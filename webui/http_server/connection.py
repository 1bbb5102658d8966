"""One client's connection: the request as it comes in, the answer as it goes out, the deadlines.

A deadline grows with the bytes that pass, so that a slow line has the time it needs and a client
that lets single bytes trickle does not: the rule of Apache's mod_reqtimeout.
"""

import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import IO, Any

from webui.http_server.framing import RequestBuffer

HEAD_SECONDS = 10.0  # for request line and headers
BODY_SECONDS = 20.0  # for the body, and one second more for each
LEAST_BYTES_A_SECOND = 16 * 1024  # that arrived: a photograph of 5 MB may take five minutes
ANSWER_SECONDS = 20.0  # for the client to take the answer, and more at the same rate
LINGER_SECONDS = 2.0  # for a client to read the last answer before its connection is closed
MAX_UNSENT_BYTES = 512 * 1024  # of an answer; the thread of a longer one waits
SEND_AT_BYTES = 64 * 1024  # headers and a short body go out in one packet


class Stage(Enum):
    """The states of a connection, by what it waits for."""

    IDLE = auto()  # the next request on a connection that is kept alive
    READING = auto()  # the rest of a request
    RUNNING = auto()  # a thread, or the end of its work
    SENDING = auto()  # the client, to take the answer
    LINGERING = auto()  # the client, to close


@dataclass
class _FilePart:
    descriptor: int
    offset: int
    left: int  # bytes


class Connection:
    """A client's connection; also the socket that gunicorn writes an answer to."""

    def __init__(self, sock: socket.socket, client: Any, server: Any, *, max_body: int) -> None:
        sock.setblocking(False)
        self._socket = sock
        self.client = client
        self.server = server
        self.stage = Stage.READING
        self.incoming = RequestBuffer(max_body=max_body)
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.keep_alive = False
        self.broken = False
        self.on_ready: Callable[[Connection], None] | None = None  # called by the worker's loop
        self._unsent = bytearray()
        self._file: _FilePart | None = None  # sent after these bytes

    @property
    def sock(self) -> "Connection":
        """The file-like object to which gunicorn writes an answer."""
        return self

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def held_bytes(self) -> int:
        """The memory that the connection takes, with the site's copy of its request."""
        return len(self.incoming.data) + self.incoming.given_bytes + len(self._unsent)

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent or self._file)

    def receive(self, size: int) -> bytes | None:
        """Return what has arrived, b"" at the end, None if nothing has."""
        try:
            return self._socket.recv(size)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def flush(self) -> None:
        """Send as much of the answer as the kernel takes at once."""
        while self.has_unsent and not self.broken:
            try:
                self.deadline += self._send_some() / LEAST_BYTES_A_SECOND
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.broken = True

    def _send_some(self) -> int:
        part = self._file
        if self._unsent or part is None:
            sent = self._socket.send(self._unsent)
            del self._unsent[:sent]
            return sent
        sent = os.sendfile(self._socket.fileno(), part.descriptor, part.offset, part.left)
        part.offset += sent
        part.left -= sent
        if not sent or not part.left:  # a file that has become shorter ends the answer
            self.broken = bool(part.left)
            self._drop_file()
        return sent

    def _drop_file(self) -> None:
        if self._file is not None:
            os.close(self._file.descriptor)
            self._file = None

    # What gunicorn uses of a socket, called in a thread.

    def sendall(self, data: bytes) -> None:
        if self.broken:
            raise BrokenPipeError("the client has closed its connection")
        if self._file is not None:
            self._wait_for_client(most=0)
        self._unsent += data
        if len(self._unsent) >= SEND_AT_BYTES:
            self.flush()
            if len(self._unsent) > MAX_UNSENT_BYTES:
                self._wait_for_client(most=MAX_UNSENT_BYTES // 2)

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int = 0) -> int:
        """Have a part of a file sent, which is read as the client takes it."""
        if self._file is not None:
            self._wait_for_client(most=0)
        self._file = _FilePart(os.dup(file.fileno()), offset, count)
        return count

    def _wait_for_client(self, *, most: int) -> None:
        """Return when at most so many bytes, and no file, are still to be sent.

        Raises:
            TimeoutError: if the client takes too long.
        """
        self.deadline = time.monotonic() + ANSWER_SECONDS
        poller = select.poll()
        poller.register(self._socket, select.POLLOUT)
        while (len(self._unsent) > most or self._file) and not self.broken:
            left = self.deadline - time.monotonic()
            if left <= 0 or not poller.poll(left * 1000):
                self.broken = True
                raise TimeoutError("the client takes the answer too slowly")
            self.flush()

    def shutdown(self, _how: int) -> None:
        """Refuse gunicorn's own way to close, which waits for the client."""
        raise OSError("the worker closes the connection")

    def close(self) -> None:
        """Have the worker close the connection, without sending the rest of the answer."""
        self.broken = True

    # What the worker's loop uses.

    def finish_sending(self) -> None:
        """Tell the client that nothing more comes.

        Raises:
            OSError: if the client has closed its side.
        """
        self._socket.shutdown(socket.SHUT_WR)

    def close_socket(self) -> None:
        self._unsent.clear()
        self._drop_file()
        with suppress(OSError):
            self._socket.close()
