"""The end of a request is found however its bytes are divided."""

import time

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser
from hypothesis import given
from hypothesis import strategies as st

from webui.http_server.framing import MAX_CHUNK_OVERHEAD, MAX_HEAD_BYTES, Progress, RequestBuffer

MAX_BODY = 1000
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SIZED = HEAD + b"content-length: 5\r\n\r\nhello"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = CHUNKED + b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: 1\r\n\r\n"
WHOLE = [GET, b"\r\n" + GET, b"GET / HTTP/1.1\r\n\r\n", SIZED, CHUNKS, CHUNKED + b"0\r\n\r\n"]
NEXT = b"GET /next HTTP/1.1\r\n"


def fed(data: bytes, *, at_once: int = 1_000_000) -> RequestBuffer:
    buffer = RequestBuffer(max_body=MAX_BODY)
    for start in range(0, len(data), at_once):
        buffer.feed(data[start : start + at_once])
    return buffer


@pytest.mark.parametrize("request_bytes", WHOLE)
@given(at_once=st.integers(1, 200))
def test_a_request_ends_where_it_ends(request_bytes: bytes, at_once: int) -> None:
    buffer = fed(request_bytes + NEXT, at_once=at_once)
    assert buffer.progress is Progress.WHOLE
    assert b"".join(buffer.pieces()) == request_bytes
    assert buffer.next_request().data == NEXT


@pytest.mark.parametrize("request_bytes", WHOLE)
def test_nothing_but_all_of_it_is_whole(request_bytes: bytes) -> None:
    for length in range(len(request_bytes)):
        assert fed(request_bytes[:length]).progress in (Progress.HEAD, Progress.BODY)


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: \xb2\r\n\r\n",
        HEAD + b"Content-Length: 1001\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        CHUNKED + b"x\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"3e9\r\n" + b"a" * 1001,
        CHUNKED + b"1\r\na\r\n" * (MAX_CHUNK_OVERHEAD // 5),
        CHUNKED + b"1;" + b"x" * 9000,
        b"GET /" + b"a" * MAX_HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * MAX_HEAD_BYTES + b"\r\n",
    ],
    ids=range(14),
)
def test_no_more_is_read_of_what_will_be_refused(request_bytes: bytes) -> None:
    assert fed(request_bytes).progress is Progress.UNREADABLE


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_read_within_bounds(noise: bytes, at_once: int) -> None:
    for head in (b"", CHUNKED, HEAD):
        buffer = fed(head + noise, at_once=at_once)
        assert buffer.end <= len(buffer.data) or buffer.progress is Progress.BODY


def test_a_large_body_that_the_site_has_not_read_costs_little() -> None:
    body = bytes(8 * 1024 * 1024)
    buffer = RequestBuffer(max_body=len(body))
    buffer.feed(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    parser = get_parser(Config(), buffer.pieces(), ("192.0.2.1", 1))
    next(parser)
    started = time.process_time()
    assert parser.finish_body()
    assert time.process_time() - started < 5  # measured: 0.02 s; in one piece 6.6 s


def test_a_client_that_waits_for_continue_is_recognised() -> None:
    assert fed(HEAD + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n").expects_continue
    assert not fed(SIZED).expects_continue
