"""The server's socket, bound before any slow work so that a port in use is reported at once."""

import socket


class CannotListen(Exception):
    """The port is in use or not permitted."""

    def __init__(self, port: int, error: OSError) -> None:
        super().__init__(
            f"Failed to start HTTP Server at localhost:{port}: {error.strerror}. Choose another "
            "port with --rest_api_port, or end the process that has this one"
        )


def bound_socket(address: str, port: int) -> socket.socket:
    """Return a bound socket that does not listen yet; clients are refused until it does.

    Raises:
        CannotListen: the port is in use or not permitted.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise CannotListen(port, error) from None
    return listener
