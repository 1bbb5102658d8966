"""TCP ports of this machine."""

import socket

CLOSED_URL = "http://127.0.0.1:9"  # the discard port: nothing listens there


def free_port() -> int:
    """Return a port that nothing listens on, for programs that cannot choose one themselves.

    Another program may take it first; a server that can bind port 0 should do that instead.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_listening(port: int) -> bool:
    """Return whether a connection to the port succeeds."""
    with socket.socket() as probe:
        return bool(port) and probe.connect_ex(("127.0.0.1", port)) == 0
