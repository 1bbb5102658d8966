"""A WSGI application that reads the body and answers nothing: what HTTP alone costs."""

from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("204 No Content", [])
    return ()
