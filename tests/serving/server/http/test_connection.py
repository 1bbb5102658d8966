"""HTTP as it is on the wire, rude clients included."""

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
    said = client.raw(many + HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    places = [said.find(f'"predictions": [{each / 2 + 2}'.encode()) for each in range(200)]
    assert places == sorted(places)
    assert places[0] > 0
    assert b"The document is empty" in said


def test_chunked_requests(client: Client) -> None:
    chunks = b"8\r\n" + BODY[:8] + b"\r\nc;ext=1\r\n" + BODY[8:] + b"\r\n0\r\n\r\n"
    said = client.raw(HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks)
    assert ANSWER in said
    broken = client.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert broken.startswith(b"HTTP/1.1 400 ")


def test_expect_100_continue(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as wire:
        head = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
            BODY
        )
        wire.sendall(HEAD + head)
        assert wire.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.sendall(BODY)
        said = b""
        while piece := wire.recv(4096):
            said += piece
    assert ANSWER in said


def test_http_1_0_closes(client: Client) -> None:
    said = client.raw(REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert ANSWER in said
    assert b"Connection: close" in said


def test_methods_nobody_knows(client: Client) -> None:
    for method in (b"BREW", b"PROPFIND"):
        said = client.raw(method + b" /v1/models/m HTTP/1.1\r\nHost: x\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 501 ")
        assert b"<HTML>" in said


def test_broken_requests(client: Client) -> None:
    for request in (
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        HEAD + b"X" * 300_000 + b": y\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ):
        said = client.raw(request)
        assert said.startswith(b"HTTP/1.1 400 "), request[:50]
        assert b"Connection: close" in said
    # A good request before a broken one is answered.
    said = client.raw(REQUEST + b"nonsense\r\n\r\n")
    assert ANSWER in said
    assert b"HTTP/1.1 400 " in said
    assert client.get("/v1/models/half_plus_two").status == 200


def test_a_body_beyond_memory_is_refused_unread(client: Client) -> None:
    said = client.raw(HEAD + b"Content-Length: 99999999999\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413 ")


def test_clients_that_leave(client: Client) -> None:
    for sent in (b"", HEAD, REQUEST[:-3], REQUEST):
        with socket.create_connection(("127.0.0.1", client.port), timeout=30) as wire:
            wire.sendall(sent)
    assert client.predict("half_plus_two", {"instances": [1.0]}).status == 200


def test_many_connections(client: Client) -> None:
    wires = [socket.create_connection(("127.0.0.1", client.port), timeout=30) for _ in range(300)]
    for wire in wires:
        wire.sendall(REQUEST)
    for wire in wires:
        assert wire.recv(15) == b"HTTP/1.1 200 OK"
        wire.close()


def test_cors_headers_only_with_the_flag(
    several_models: dict[str, tuple[Path, str]],
) -> None:
    base = str(several_models["half_plus_two"][0])
    with model_server_thread(
        model_name="half_plus_two", model_base_path=base, rest_api_enable_cors_support=True
    ) as client:
        for reply in (
            client.get("/v1/models/half_plus_two"),
            client.get("/v1/models/nobody"),
            client.ask("OPTIONS", "/v1/x", headers={"Origin": "https://x.example"}),
        ):
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
            assert reply.headers["Access-Control-Allow-Methods"] == "POST, GET"
            assert reply.headers["Access-Control-Allow-Headers"] == "Content-Type"
        # No monitoring file: no page.
        assert client.get("/monitoring/prometheus/metrics").status == 404


def test_a_client_that_does_not_read_gets_no_more(client: Client) -> None:
    """Its answers wait for it; they do not pile up in memory, and it gets every one."""
    body = b'{"instances": [' + b",".join([b"1"] * 20_000) + b"]}"
    request = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    with socket.create_connection(("127.0.0.1", client.port), timeout=60) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        wire.sendall(request * 10)
        assert client.predict("half_plus_two", {"instances": [1.0]}).status == 200
        wire.shutdown(socket.SHUT_WR)
        said = b""
        while piece := wire.recv(1 << 20):
            said += piece
    assert said.count(b"HTTP/1.1 200 OK") == 10
