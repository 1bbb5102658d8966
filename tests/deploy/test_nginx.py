"""The configurations of deploy/nginx in front of the site."""

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.harness.needs import need
from tests.harness.nginx import CONFIGURATIONS, StartNginx, nginx_in, start_on_a_host
from tests.harness.ports import free_port
from tests.harness.site import SiteProcess
from tests.harness.slow_clients import BODIES, HEADERS, SlowClients
from tests.harness.waiting import wait_until
from webui.request_limits import MAX_BODY_BYTES

SLOW_CLIENTS = 200
NOTHING_LISTENS = "http://127.0.0.1:9"

Proxy = Callable[..., str]


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[StartNginx]:
    with nginx_in(tmp_path) as start:
        yield start


@pytest.fixture
def proxy(start_nginx: StartNginx) -> Proxy:
    """Starts the container's nginx in front of a site, and returns its address."""

    def start(site: str, **replaced: str) -> str:
        port = free_port()
        ports = {"listen 8080": f"listen 127.0.0.1:{port}", "http://web:8000": site}
        start_nginx("container.conf", {**ports, **replaced}, port=port)
        return f"http://127.0.0.1:{port}"

    return start


def test_slow_clients_end_at_the_proxy(live_site: SiteProcess, proxy: Proxy) -> None:
    url = proxy(live_site.url)
    port = int(url.rpartition(":")[2])
    with SlowClients(port, count=SLOW_CLIENTS, kinds=(HEADERS, BODIES)) as slow:
        wait_until(lambda: slow.connected == SLOW_CLIENTS, seconds=30, message="all are connected")
        assert all(requests.get(url, timeout=5).ok for _ in range(10))


def test_errors_of_the_proxy_have_the_api_s_form(proxy: Proxy) -> None:
    url = proxy(NOTHING_LISTENS)
    api = f"{url}/api/v1/predictions"
    unavailable = requests.post(api, json={}, headers={"X-Request-ID": "mine"}, timeout=30)
    assert unavailable.status_code == 503
    assert unavailable.headers["Retry-After"] == "5"
    assert unavailable.headers["X-Request-ID"] == "mine"
    assert unavailable.json()["error"] == {
        "code": "unavailable",
        "message": "That is not available just now; please try again.",
        "request_id": "mine",
    }
    large = requests.post(api, data=bytes(MAX_BODY_BYTES + 1), timeout=30)
    assert (large.status_code, large.json()["error"]["code"]) == (413, "too_large")
    headers = requests.get(api, headers={"X": "x" * 20_000}, timeout=30)
    assert (headers.status_code, headers.json()["error"]["code"]) == (431, "headers_too_large")
    line = requests.get(f"{api}?{'x' * 20_000}", timeout=30)
    assert (line.status_code, line.json()["error"]["code"]) == (414, "address_too_long")
    page = requests.get(url, timeout=30)
    assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html")
    assert "try again" in page.text


def test_the_proxy_logs_what_it_refuses_without_addresses(proxy: Proxy, tmp_path: Path) -> None:
    requests.get(f"{proxy(NOTHING_LISTENS)}/api/", headers={"X-Request-ID": "mine"}, timeout=30)
    logged = tmp_path / "output"
    wait_until(lambda: "proxy_refused" in logged.read_text(), seconds=10, message="a line")
    assert '"status": 503' in logged.read_text()
    assert '"request_id": "mine"' in logged.read_text()
    assert "127.0.0.1" not in logged.read_text()


def test_what_the_api_answers_is_compressed(live_site: SiteProcess, proxy: Proxy) -> None:
    answer = requests.get(f"{proxy(live_site.url)}/api/v1/openapi.json", timeout=10)
    assert answer.ok
    assert answer.headers["Content-Encoding"] == "gzip"


STATED = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"


@pytest.fixture
def passed_on(proxy: Proxy) -> Iterator[Callable[..., str]]:
    """Sends a request from 127.0.0.1 that states another client; returns what the site gets."""
    with socket.create_server(("127.0.0.1", 0)) as site:
        site.settimeout(10)

        def ask(**replaced: str) -> str:
            url = proxy(f"http://127.0.0.1:{site.getsockname()[1]}", **replaced)
            address = ("127.0.0.1", int(url.rpartition(":")[2]))
            with socket.create_connection(address, timeout=10) as client:
                client.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{STATED}\r\n".encode())
                connection, _ = site.accept()
                with connection:
                    return connection.recv(65536).decode().lower()

        yield ask


def test_a_proxy_in_front_of_the_proxy_may_state_the_client(passed_on: Callable[..., str]) -> None:
    head = passed_on()
    assert "x-forwarded-for: 192.0.2.1, 127.0.0.1\r\n" in head
    assert "x-forwarded-proto: https\r\n" in head


def test_what_a_visitor_states_is_dropped(passed_on: Callable[..., str]) -> None:
    head = passed_on(**{"127.0.0.0/8 1;": ""})  # as if 127.0.0.1 were an address of the internet
    assert "x-forwarded-for: 127.0.0.1\r\n" in head
    assert "x-forwarded-proto: http\r\n" in head
    assert "192.0.2.1" not in head


def test_metrics_are_not_for_the_public(live_site: SiteProcess, proxy: Proxy) -> None:
    url = proxy(live_site.url, **{"127.0.0.0/8 1;": ""})
    assert requests.get(f"{url}/metrics", timeout=10).status_code == 404


def test_the_proxy_can_speak_tls(
    live_site: SiteProcess, start_nginx: StartNginx, tmp_path: Path
) -> None:
    openssl = shutil.which("openssl")
    need(openssl is not None, "openssl")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            str(openssl), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate),
        ],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    port, tls_port = free_port(), free_port()
    replaced = {
        "listen 8080": f"listen 127.0.0.1:{port}",
        "listen 8443": f"listen 127.0.0.1:{tls_port}",
        "http://web:8000": live_site.url,
        "/tls/": f"{tmp_path}/",
    }
    start_nginx("container-tls.conf", replaced, port=tls_port)
    page = requests.get(f"https://localhost:{tls_port}", verify=str(certificate), timeout=10)
    assert page.ok
    assert "Read a digit" in page.text or "<canvas" in page.text


def test_the_host_s_configuration_is_valid(start_nginx: StartNginx, tmp_path: Path) -> None:
    port = free_port()
    start_on_a_host(start_nginx, tmp_path, "host.conf", port=port)


def test_the_limit_of_a_body_is_the_sites() -> None:
    config = (CONFIGURATIONS / "limits.conf").read_text()
    megabytes = re.search(r"client_max_body_size (\d+)m;", config)
    assert megabytes
    assert int(megabytes[1]) * 2**20 == MAX_BODY_BYTES
