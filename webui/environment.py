"""Environment variables as typed values, refused by the variable's name when they are wrong.

django-environ, which reads `.env` files and takes database URLs apart, would read any unknown
word as False (`HTTPS=ture` would quietly be off) and any text as a URL.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

ON = frozenset({"on", "true", "yes", "1"})
OFF = frozenset({"off", "false", "no", "0"})
HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
DATABASES = frozenset({"sqlite", "postgres", "postgresql", "psql", "pgsql"})  # drivers we install
VALKEY_SCHEMES = frozenset({"valkey", "valkeys", "redis", "rediss"})
HTTP_URL = "address like http://127.0.0.1:8501, without query and fragment"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

T = TypeVar("T")
Default = TypeVar("Default")
Choice = TypeVar("Choice", bound=Enum)


class Environment:
    """Reads the variables of a mapping.

    A variable that is missing or blank has its default. Each method raises
    `ImproperlyConfigured`, with the variable's name, its value and what would be right, when
    the value is wrong.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    @classmethod
    def of_process(cls, *env_files: Path) -> "Environment":
        """The process's environment, completed from `.env` files; the first to name one wins.

        With `ENV_FILES=off`, as in the tests, no file is read.
        """
        environment = cls(os.environ)
        if environment.switch("ENV_FILES", default=True):
            for file in env_files:
                environ.Env.read_env(file)
        return environment

    def text(self, name: str, *, default: str = "") -> str:
        """The value without blank space around it."""
        return self._variables.get(name, "").strip() or default

    def secret(self, name: str, *, may_be_empty: bool = False) -> str:
        """The value, or the content of the file that `NAME_FILE` names; "" without both.

        Docker, Podman and Kubernetes mount secrets as files, because `docker inspect` shows an
        environment and every child process inherits it.
        """
        value = self._variables.get(name, "")
        path = self._variables.get(f"{name}_FILE", "")
        if value.strip():
            return value
        if not path:
            return ""
        try:
            content = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise ImproperlyConfigured(
                f"{name}_FILE is {path!r}, which cannot be read: {problem}; name a file that "
                f"holds the value, or set {name} itself"
            ) from problem
        if not content and not may_be_empty:
            raise ImproperlyConfigured(f"{name}_FILE is {path!r}, and that file is empty")
        return content

    def secrets(self, name: str) -> list[str]:
        """The values between commas or line ends, as `secret` reads them; the file may be empty."""
        return [part for part in re.split(r"[\s,]+", self.secret(name, may_be_empty=True)) if part]

    def parsed(
        self, name: str, parse: Callable[[str], T], *, default: Default, valid: str
    ) -> T | Default:
        """The value as `parse` converts it.

        Args:
            name: the variable.
            parse: converts the text; raises ValueError if it is wrong.
            default: the value of a variable that is missing or blank.
            valid: a description of right values, to follow "it must be".
        """
        text = self.text(name)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError:
            raise ImproperlyConfigured(f"{name} is {text!r}; it must be {valid}") from None

    def several(
        self, name: str, parse: Callable[[str], T], *, default: tuple[T, ...] = (), valid: str
    ) -> tuple[T, ...]:
        """The values between commas, each as `parse` converts it."""

        def parse_all(text: str) -> tuple[T, ...]:
            return tuple(parse(part.strip()) for part in text.split(",") if part.strip())

        return self.parsed(name, parse_all, default=default, valid=valid)

    def matching(self, name: str, pattern: str, *, default: str, valid: str) -> str:
        """A text of which all matches a regular expression, with ASCII classes."""

        def parse(text: str) -> str:
            if not re.fullmatch(pattern, text, re.ASCII):
                raise ValueError
            return text

        return self.parsed(name, parse, default=default, valid=valid)

    def switch(self, name: str, *, default: bool = False) -> bool:
        """True for on, true, yes and 1; False for off, false, no and 0."""

        def parse(text: str) -> bool:
            if text.lower() not in ON | OFF:
                raise ValueError
            return text.lower() in ON

        return self.parsed(name, parse, default=default, valid="'on' or 'off'")

    def integer(self, name: str, *, default: int, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both included."""

        def parse(text: str) -> int:
            if not text.isdecimal() or not least <= int(text) <= most:
                raise ValueError
            return int(text)

        return self.parsed(name, parse, default=default, valid=f"a number from {least} to {most}")

    def choice(self, name: str, choices: type[Choice], *, default: Choice) -> Choice:
        """The member of an enumeration that has this value."""
        valid = "one of: " + ", ".join(str(member.value) for member in choices)
        return self.parsed(name, choices, default=default, valid=valid)

    def host(self, name: str, *, default: str) -> str:
        """A host name or an IP address."""
        valid = "a host name or an address, without scheme and port"
        return self.parsed(name, parse_host, default=default, valid=valid)

    def networks(self, name: str, *, default: tuple[str, ...]) -> tuple[Network, ...]:
        """IP addresses and networks; an address is the network of this address alone."""
        valid = "addresses or networks separated by commas, like 127.0.0.1 or 10.0.0.0/8"
        own = tuple(ipaddress.ip_network(text) for text in default)
        return self.several(name, ipaddress.ip_network, default=own, valid=valid)

    def http_url(self, name: str, *, default: str) -> str:
        """An http or https address, without a slash at the end."""
        return self.parsed(name, parse_http_url, default=default, valid=f"an {HTTP_URL}")

    def http_urls(self, name: str, *, default: str) -> tuple[str, ...]:
        """One or several such addresses between commas, each of them once."""

        def parse(text: str) -> tuple[str, ...]:
            urls = tuple(parse_http_url(part.strip()) for part in text.split(","))
            if len(set(urls)) < len(urls):
                raise ValueError
            return urls

        valid = f"an {HTTP_URL}, or several with commas between them, each only once"
        return self.parsed(name, parse, default=(default,), valid=valid)

    def directory(self, name: str, *, default: Path) -> Path:
        """A directory, which may not exist yet."""

        def parse(text: str) -> Path:
            if Path(text).exists() and not Path(text).is_dir():
                raise ValueError
            return Path(text)

        return self.parsed(name, parse, default=default, valid="a directory")

    def file(self, name: str) -> str:
        """The path of a file that exists; "" when the variable is not set."""

        def parse(text: str) -> str:
            if not Path(text).is_file():
                raise ValueError
            return text

        return self.parsed(name, parse, default="", valid="a file, and there is no such file")

    def database(self, name: str, *, default: Path) -> dict[str, Any]:
        """Django's settings of the database at a URL; by default of an SQLite file.

        The error does not show the URL, which may hold a password.
        """
        url = self.secret(name).strip()
        if not url:
            return {"ENGINE": environ.Env.DB_SCHEMES["sqlite"], "NAME": str(default)}
        try:
            parts = urlsplit(url)
            # sqlite://name lacks a slash: django-environ would ignore the name.
            if parts.scheme in DATABASES and not (parts.scheme == "sqlite" and parts.netloc):
                database: dict[str, Any] = environ.Env.db_url_config(url)
                if database["NAME"]:
                    return database
        except ValueError:  # a port that is not a number
            pass
        raise ImproperlyConfigured(
            f"{name} is not the URL of a database; it must be like "
            "postgres://user:password@host/name or sqlite:////path/of/the/file "
            "(its value may hold a password and is not shown)"
        )

    def valkey_url(self, name: str) -> str:
        """The address of a Valkey or Redis server; "" for none.

        The error does not show the address, which may hold a password.
        """
        url = self.secret(name).strip()
        with suppress(ValueError):  # a port that is not a number
            parts = urlsplit(url)
            if not url or (parts.scheme in VALKEY_SCHEMES and parts.hostname and parts.port != 0):
                return url
        raise ImproperlyConfigured(
            f"{name} is not the address of a Valkey server; it must be like "
            "valkey://:password@host:6379/0, or valkeys:// for TLS "
            "(its value may hold a password and is not shown)"
        )


def parse_http_url(text: str) -> str:
    """Returns an http or https address without the slash at its end, or raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError
    if parts.query or parts.fragment:
        raise ValueError
    return text.rstrip("/")


def parse_host(text: str) -> str:
    """The text, if it is a host name or an IP address.

    Raises:
        ValueError: if it is neither.
    """
    if not HOST_NAME.fullmatch(text):
        ipaddress.ip_address(text)
    return text


def parse_allowed_host(text: str) -> str:
    """The text, if Django takes it in ALLOWED_HOSTS: a host, `.domain` or `[IPv6]`.

    Raises:
        ValueError: if it is something else, like a URL or a host with a port.
    """
    if text.startswith("[") and text.endswith("]"):
        ipaddress.IPv6Address(text[1:-1])
    elif not HOST_NAME.fullmatch(text.removeprefix(".")):
        raise ValueError
    return text
