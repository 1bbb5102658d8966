"""The site under gunicorn with our worker: what clients send and get, byte for byte."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until
from webui.request_limits import MAX_BODY_BYTES

TIMEOUT_SECONDS = 30
TOKEN = "for-this-test-0123456789"
STOP_SECONDS = 8  # a worker gives clients that may be sending two
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
PREDICT = (
    b"POST /api/v1/predictions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
JQUERY = "/static/admin/js/vendor/jquery/jquery.js"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    site = SiteProcess(
        tmp_path_factory.mktemp("site"), SERVING_URL="http://127.0.0.1:9", METRICS_TOKEN=TOKEN
    )
    site.succeed("migrate", "--verbosity=0")
    site.succeed("collectstatic", "--verbosity=0", "--no-input")
    site.start(probe="/healthz")
    yield site
    site.kill()


def connect(site: SiteProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=TIMEOUT_SECONDS)


def ask(site: SiteProcess, *parts: bytes) -> tuple[HTTPResponse, bytes]:
    """Send the parts of a request one by one, and return the answer with its body."""
    with connect(site) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        answer = HTTPResponse(connection)
        answer.begin()
        return answer, answer.read()


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "malformed_request"),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, "malformed_request"),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414, "address_too_long"),
        (b"GET / HTTP/1.1\r\n" + b"X-1: 1\r\n" * 61 + b"\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nX-1: " + b"1" * 70_000, 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, "expectation_failed"),
        (PREDICT + b"Transfer-Encoding: other\r\n\r\n", 501, "not_implemented"),
        (PREDICT + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", 400, "malformed_request"),
        (PREDICT + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413, "too_large"),
        (PREDICT + b"Content-Length: 1\r\n\r\n[", 400, "malformed_request"),
    ],
    ids=range(14),
)
def test_what_cannot_be_read_is_refused_as_the_api_refuses(
    site: SiteProcess, request_bytes: bytes, status: int, code: str
) -> None:
    answer, body = ask(site, request_bytes)
    error = json.loads(body)["error"]
    assert (answer.status, error["code"]) == (status, code)
    assert error["message"].endswith(".")
    assert not re.search("Invalid|Unable|too large \\(", error["message"]), "a library's words"
    assert answer.headers["X-Request-ID"] == error["request_id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_every_line_of_the_log_is_json_without_an_address(site: SiteProcess) -> None:
    before = len(site.log.read_text().splitlines())
    answer, _ = ask(site, b"GET / HTTP/1.1\r\nHost: a\r\nX Secret: hidden\r\n\r\n")
    lines = site.log.read_text().splitlines()[before:]
    assert answer.status == 400
    refused = [line for line in lines if json.loads(line)["event"] == "request_refused"]
    assert json.loads(refused[-1])["request_id"] == answer.headers["X-Request-ID"]
    assert not any("127.0.0.1" in line or "hidden" in line.lower() for line in refused)


def test_refusals_are_counted(site: SiteProcess) -> None:
    name = 'digits_http_refusals_total{code="address_too_long",status="414"}'

    def count() -> float:
        head = f"GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        _, metrics = ask(site, head.encode())
        found = [line for line in metrics.decode().splitlines() if line.startswith(name)]
        return float(found[0].split()[1]) if found else 0.0

    before = count()
    for _ in range(3):
        ask(site, b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n")
    assert count() == before + 3


def test_a_body_may_come_in_chunks_and_in_pieces(site: SiteProcess) -> None:
    parts = [
        PREDICT,
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n",
        b"1\r",
        b"\n{\r\n1\r\n",
        b"}\r\n0",
    ]
    answer, body = ask(site, *parts, b"\r\n\r\n")
    assert answer.status == 400
    assert "image" in json.loads(body)["error"]["message"]


def test_a_chunked_body_above_the_limit_is_refused_before_its_end(site: SiteProcess) -> None:
    size = MAX_BODY_BYTES + 100_000
    head = PREDICT + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size
    answer, body = ask(site, head, b"a" * (MAX_BODY_BYTES + 1))
    assert (answer.status, json.loads(body)["error"]["code"]) == (413, "too_large")


def test_a_client_that_waits_before_its_body_is_told_to_continue_once(site: SiteProcess) -> None:
    with connect(site) as connection:
        connection.sendall(PREDICT + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_requests_one_after_the_other_on_one_connection(site: SiteProcess) -> None:
    client = HTTPConnection("127.0.0.1", site.port, timeout=TIMEOUT_SECONDS)
    for _ in range(3):
        client.request("GET", "/healthz")
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"status": "alive"}')
    client.close()


def test_requests_sent_at_once_are_answered_in_order(site: SiteProcess) -> None:
    head = b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(site) as connection:
        connection.sendall(GET + head + GET.replace(b"1.1", b"1.0") + GET)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.count(b"HTTP/1.0 200 OK") == 1  # which closes the connection
    assert received.count(b'{"status": "alive"}') == 2


def test_a_file_larger_than_what_is_kept_in_memory_arrives_whole(site: SiteProcess) -> None:
    whole = (Path(site.environment["STATIC_ROOT"]) / JQUERY.removeprefix("/static/")).read_bytes()
    answer, body = ask(site, GET.replace(b"/healthz", JQUERY.encode()))
    assert answer.status == 200
    assert body == whole


def test_workers_end_with_a_master_that_is_killed(tmp_path: Path) -> None:
    site = SiteProcess(tmp_path, SERVING_URL="http://127.0.0.1:9")
    site.start(probe="/healthz")
    assert site.process is not None
    master = site.process.pid
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    assert len(workers) == 2
    try:
        with connect(site) as idle:  # does not keep a worker
            os.kill(master, signal.SIGKILL)
            site.process.wait()
            wait_until(
                lambda: not any(is_running(worker) for worker in workers),
                seconds=STOP_SECONDS,
                message="the workers have ended",
            )
            assert idle.recv(1) == b""
    finally:
        site.kill()


def is_running(process: str) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
