"""The client's address comes from the connection, or from a proxy that the settings trust."""

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory

from webui.access.addresses import address_of

Lines = Callable[[], list[dict[str, Any]]]


def request_from(peer: str, forwarded: str) -> HttpRequest:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)


@pytest.fixture(autouse=True)
def proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1", "10.0.0.1"),
        ("2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("::ffff:192.0.2.7", "", "192.0.2.7"),
        ("", "", "unknown"),
    ],
)
def test_without_a_proxy_the_header_is_ignored(
    settings: Any, peer: str, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = ()
    assert address_of(request_from(peer, forwarded)) == address


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        # Whoever connects past the proxy states nothing.
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("127.0.0.1", "198.51.100.1", "127.0.0.1"),
        # What the client wrote comes before what the proxies appended.
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        # With the client's port.
        ("10.0.0.1", "198.51.100.1:50612", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8:1:2:3::4]:50612", "2001:db8:1:2::/64"),
        ("10.0.0.1", "[2001:db8:1:2:3::4]", "2001:db8:1:2::/64"),
        ("10.0.0.1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("10.0.0.1", "6.6.6.6:1, 198.51.100.1:2, 10.0.0.2:3", "198.51.100.1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
    ],
)
def test_a_trusted_proxy_states_the_client(peer: str, forwarded: str, address: str) -> None:
    assert address_of(request_from(peer, forwarded)) == address


@pytest.fixture
def behind_tls(settings: Any) -> None:
    settings.HTTPS = True
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.django_db
@pytest.mark.usefixtures("behind_tls")
def test_only_a_trusted_proxy_states_the_scheme(log_lines: Lines) -> None:
    client = Client(headers={"X-Forwarded-Proto": "https"})
    assert client.get("/", REMOTE_ADDR="10.0.0.1").status_code == 200
    assert "proxy_not_trusted" not in str(log_lines())
    for _ in range(3):
        redirected = client.get("/", REMOTE_ADDR="172.18.0.1")
        assert (redirected.status_code, redirected["Location"]) == (301, "https://testserver/")
    (warning,) = (line for line in log_lines() if line["event"] == "proxy_not_trusted")
    assert warning["peer"] == "172.18.0.1"
    assert "FORWARDED_ALLOW_IPS" in warning["problem"]


@pytest.mark.django_db
@pytest.mark.usefixtures("behind_tls")
def test_the_address_of_a_visitor_is_not_logged(log_lines: Lines) -> None:
    Client(headers={"X-Forwarded-Proto": "https"}).get("/", REMOTE_ADDR="8.8.8.8")
    assert "8.8.8.8" not in str(log_lines())
    assert "a public address" in str(log_lines())
