"""Clients that keep a server waiting: they send or read a few bytes a second.

Each connects again when the server ends its connection, so that the attack goes on at full width.
Only for servers of this machine.
"""

import asyncio
import itertools
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

DRIP_SECONDS = 1.0  # between two pieces; slower than any timeout between two reads would notice
RECONNECT_SECONDS = 0.5
HEADERS, BODIES, READERS = "headers", "bodies", "readers"
KINDS = (HEADERS, BODIES, READERS)


class SlowClients:
    """Slow connections that are kept up in a thread while the `with` block runs.

    Args:
        port: the server's, on 127.0.0.1.
        count: connections at a time.
        kinds: of HEADERS, BODIES and READERS; the connections are divided among them.
        large: the path of a large response, for readers.
    """

    def __init__(
        self, port: int, *, count: int = 200, kinds: tuple[str, ...] = KINDS, large: str = "/"
    ) -> None:
        self.port = port
        self.connected = 0  # now
        self.ended = 0  # connections that the server ended
        self.answers: set[bytes] = set()  # status codes that the senders got
        self._count = count
        self._kinds = kinds
        self._large = large
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> "SlowClients":
        self._thread.start()
        assert self._started.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        attacks: dict[str, Callable[[socket.socket], Awaitable[None]]] = {
            HEADERS: self._trickle_headers,
            BODIES: self._trickle_body,
            READERS: self._read_slowly,
        }
        kinds = itertools.islice(itertools.cycle(self._kinds), self._count)
        clients = [asyncio.create_task(self._repeat(attacks[kind])) for kind in kinds]
        self._started.set()
        await self._stop.wait()
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _repeat(self, attack: Callable[[socket.socket], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with socket.socket() as connection:
                if attack == self._read_slowly:
                    # The least that the kernel allows: the rest stays with the server.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
                connection.setblocking(False)
                with suppress(OSError):
                    await loop.sock_connect(connection, ("127.0.0.1", self.port))
                    self.connected += 1
                    try:
                        await attack(connection)
                    finally:
                        self.connected -= 1
            self.ended += 1
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _trickle_headers(self, connection: socket.socket) -> None:
        head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
        await self._trickle(connection, head, b"X-%d: 1\r\n")

    async def _trickle_body(self, connection: socket.socket) -> None:
        head = (
            b"POST /api/v1/predictions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        )
        await self._trickle(connection, head, b"[%d,")

    async def _trickle(self, connection: socket.socket, first: bytes, piece: bytes) -> None:
        """Send the first bytes at once, then a piece a second, until the server answers."""
        loop = asyncio.get_running_loop()
        answer = asyncio.create_task(loop.sock_recv(connection, 4096))
        try:
            await loop.sock_sendall(connection, first)
            for number in itertools.count():
                done, _ = await asyncio.wait([answer], timeout=DRIP_SECONDS)
                if done:
                    if received := answer.result():
                        self.answers.add(received.split()[1])
                    return
                await loop.sock_sendall(connection, piece % number)
        finally:
            answer.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await answer

    async def _read_slowly(self, connection: socket.socket) -> None:
        """Ask for the large response many times over, and read 16 bytes a second."""
        loop = asyncio.get_running_loop()
        request = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % self._large.encode()
        await loop.sock_sendall(connection, request * 20)
        while await loop.sock_recv(connection, 16):
            await asyncio.sleep(DRIP_SECONDS)
