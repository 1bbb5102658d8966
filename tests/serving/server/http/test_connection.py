"""HTTP at the level of bytes, with clients that break its rules."""

import http.client
import json
import socket
from pathlib import Path

from tests.harness.model_server import model_server_thread
from tests.harness.rest_client import Client

BODY = b'{"instances": [1.0]}'
HEAD = b"POST /v1/models/half_plus_two:predict HTTP/1.1\r\nHost: x\r\n"
REQUEST = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
ANSWER = b'"predictions": [2.5'


def test_keep_alive(client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    for _ in range(3):
        connection.request("POST", "/v1/models/half_plus_two:predict", BODY)
        answer = connection.getresponse()
        assert json.loads(answer.read()) == {"predictions": [2.5]}
        assert not answer.will_close
    connection.close()


def test_pipelined_requests_are_answered_in_order(client: Client) -> None:
    many = b"".join(
        HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        for body in (b'{"instances": [%d]}' % each for each in range(200))
    )
    received = client.raw(many + HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    places = [received.find(f'"predictions": [{each / 2 + 2}'.encode()) for each in range(200)]
    assert places == sorted(places)
    assert places[0] > 0
    assert b"The document is empty" in received


def test_chunked_requests(client: Client) -> None:
    chunks = b"8\r\n" + BODY[:8] + b"\r\nc;ext=1\r\n" + BODY[8:] + b"\r\n0\r\n\r\n"
    received = client.raw(
        HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks
    )
    assert ANSWER in received
    for size in (b"zz", b"-1", b"fffffffffffffffff"):
        broken = client.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n")
        assert broken.startswith(b"HTTP/1.1 413 "), size


def test_expect_100_continue(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        head = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
            BODY
        )
        connection.sendall(HEAD + head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        received = b""
        while piece := connection.recv(4096):
            received += piece
    assert ANSWER in received


def test_http_1_0_closes(client: Client) -> None:
    received = client.raw(REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert ANSWER in received
    assert b"Connection: close" in received


def test_unknown_methods(client: Client) -> None:
    for method in (b"BREW", b"PROPFIND"):
        received = client.raw(method + b" /v1/models/m HTTP/1.1\r\nHost: x\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 501 ")
        assert b"<HTML>" in received


def test_broken_requests(client: Client) -> None:
    for request in (
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        HEAD + b"X" * 300_000 + b": y\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ):
        received = client.raw(request)
        assert received.startswith(b"HTTP/1.1 400 "), request[:50]
        assert b"Connection: close" in received
    # A valid request before a broken one is answered.
    received = client.raw(REQUEST + b"nonsense\r\n\r\n")
    assert ANSWER in received
    assert b"HTTP/1.1 400 " in received
    assert client.get("/v1/models/half_plus_two").status == 200


def test_body_beyond_the_limit_is_refused_unread(client: Client) -> None:
    received = client.raw(HEAD + b"Content-Length: 99999999999\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 413 ")


def test_clients_that_disconnect(client: Client) -> None:
    for sent in (b"", HEAD, REQUEST[:-3], REQUEST):
        with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
            connection.sendall(sent)
    assert client.predict("half_plus_two", {"instances": [1.0]}).status == 200


def test_many_connections(client: Client) -> None:
    connections = [
        socket.create_connection(("127.0.0.1", client.port), timeout=30) for _ in range(300)
    ]
    for connection in connections:
        connection.sendall(REQUEST)
    for connection in connections:
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        connection.close()


def test_cors_headers_only_with_the_flag(several_models: dict[str, tuple[Path, str]]) -> None:
    base = str(several_models["half_plus_two"][0])
    with model_server_thread(
        model_name="half_plus_two", model_base_path=base, rest_api_enable_cors_support=True
    ) as client:
        for reply in (
            client.get("/v1/models/half_plus_two"),
            client.get("/v1/models/unknown"),
            client.ask("OPTIONS", "/v1/x", headers={"Origin": "https://x.example"}),
        ):
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
            assert reply.headers["Access-Control-Allow-Methods"] == "POST, GET"
            assert reply.headers["Access-Control-Allow-Headers"] == "Content-Type"
        # There is no page without --monitoring_config_file.
        assert client.get("/monitoring/prometheus/metrics").status == 404


def test_answers_wait_for_a_slow_reader(client: Client) -> None:
    """Answers are not buffered without limit, and none is lost."""
    body = b'{"instances": [' + b",".join([b"1"] * 20_000) + b"]}"
    request = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    with socket.create_connection(("127.0.0.1", client.port), timeout=60) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(request * 10)
        assert client.predict("half_plus_two", {"instances": [1.0]}).status == 200
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(1 << 20):
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 10
