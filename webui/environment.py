"""Typed reading of environment variables that refuses a wrong value by the variable's name.

django-environ reads any unknown word as False (`HTTPS=ture` would quietly be off) and any text
as a URL. Here a value is what it should be, or the site does not start.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

ON = frozenset({"on", "true", "yes", "1"})
OFF = frozenset({"off", "false", "no", "0", ""})


def read_switch(environment: Mapping[str, str], name: str) -> bool:
    """Whether a switch is on; off when it is not set."""
    text = environment.get(name, "")
    if text.strip().lower() in ON:
        return True
    if text.strip().lower() in OFF:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}; it must be 'on' or 'off'")


def read_http_url(environment: Mapping[str, str], name: str, *, default: str) -> str:
    """An http or https address without a trailing slash."""
    text = environment.get(name, "").strip() or default
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name} is {text!r}: {problem}") from problem
    if parts.scheme not in {"http", "https"} or not host:
        raise ImproperlyConfigured(
            f"{name} is {text!r}; it must be an address like http://127.0.0.1:8501"
        )
    if parts.query or parts.fragment:
        raise ImproperlyConfigured(f"{name} is {text!r}; it must not have a query or a fragment")
    return text.rstrip("/")


def read_integer(
    environment: Mapping[str, str], name: str, *, default: int, least: int, most: int
) -> int:
    """A whole number within bounds, both included."""
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ImproperlyConfigured(
            f"{name} is {text!r}; it must be a number from {least} to {most}"
        )
    return int(text)
