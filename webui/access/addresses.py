"""The address that a request counts for, and the proxies that may state it.

A proxy in front of the site says in X-Forwarded-For whom it answers and, where it ends TLS, in
X-Forwarded-Proto that the connection was encrypted. Anybody can send these headers, so they are
believed only from the peers that `FORWARDED_ALLOW_IPS` lists.
"""

import ipaddress
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from webui.environment import Address

WARN_EVERY_SECONDS = 60
CUSTOMER_PREFIX = 64  # bits of an IPv6 address that one customer has

logger = structlog.get_logger(__name__)


def parse_address(text: str) -> Address | None:
    """Return the address in a text like `192.0.2.7`, `192.0.2.7:443` or `[2001:db8::1]:443`.

    Some proxies append the client's port. None if the text is no address.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        # Without the zone of a link-local address: `fe80::1%eth0`.
        return address.ipv4_mapped or ipaddress.IPv6Address(int(address))
    return address


def is_trusted_proxy(address: Address | None) -> bool:
    return address is not None and any(address in proxy for proxy in settings.TRUSTED_PROXIES)


def client_address(request: HttpRequest) -> Address | None:
    """Return the address of the client, None if it is not known.

    Each proxy appends the address it saw to X-Forwarded-For, and the client may have written
    the first ones: the client is the last address that no trusted proxy has.
    """
    client = parse_address(request.META.get("REMOTE_ADDR", ""))
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        stated = parse_address(hop) if is_trusted_proxy(client) else None
        if stated is None:
            break
        client = stated
    return client


def address_of(request: HttpRequest) -> str:
    """Return the client's IPv4 address, or the /64 network that one IPv6 customer has."""
    address = client_address(request)
    if address is None:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, CUSTOMER_PREFIX), strict=False))
    return str(address)


class TrustedProxiesMiddleware:
    """Removes X-Forwarded-Proto unless a trusted proxy sent it, for Django believes it.

    A proxy that is not in `FORWARDED_ALLOW_IPS` would make the site redirect to https for ever, so
    the log names it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._next_warning = 0.0  # time.monotonic()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # In META, because `request.headers` is cached at its first use.
        if "HTTP_X_FORWARDED_PROTO" in request.META:
            peer = parse_address(request.META.get("REMOTE_ADDR", ""))
            if not is_trusted_proxy(peer):
                del request.META["HTTP_X_FORWARDED_PROTO"]
                self._warn(peer)
        return self.get_response(request)

    def _warn(self, peer: Address | None) -> None:
        if not settings.HTTPS or time.monotonic() < self._next_warning:
            return
        self._next_warning = time.monotonic() + WARN_EVERY_SECONDS
        # A public address may be a visitor's, which is personal data.
        named = str(peer) if peer is not None and peer.is_private else "a public address"
        logger.warning(
            "proxy_not_trusted",
            peer=named,
            problem="X-Forwarded-Proto and X-Forwarded-For of this peer are ignored; if it is your "
            "proxy, add its address to FORWARDED_ALLOW_IPS",
        )
