"""Finds the end of a request in the bytes that a client sends.

It reads just enough of HTTP/1.1 for that: the end of the head, Content-Length and chunks. gunicorn
parses and checks the request afterwards, from exactly these bytes. Whatever is not understood here
is handed to gunicorn as far as it has come, to be refused there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

MAX_HEAD_BYTES = 64 * 1024  # request line and headers together; browsers send 1 to 2 KB
PIECE_BYTES = 16 * 1024  # that gunicorn gets at once
MAX_DIGITS = 16  # of a Content-Length
MAX_CHUNK_LINE_BYTES = 8190  # gunicorn's own limit
MAX_CHUNK_OVERHEAD = 256 * 1024  # bytes of chunk lines in a body; a client's chunks have kilobytes

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?", re.DOTALL)
_HEAD_END = b"\r\n\r\n"


class Progress(Enum):
    """Which part of a request has arrived."""

    HEAD = auto()  # the head is not complete
    BODY = auto()  # the head is, the body is not
    WHOLE = auto()
    UNREADABLE = auto()  # or larger than allowed: no more of it is read


@dataclass(kw_only=True)
class RequestBuffer:
    """The bytes of one request, and those that a client sent after it.

    Args:
        max_body: bytes that a body may have. Of a longer one no more is read.
    """

    max_body: int
    data: bytearray = field(default_factory=bytearray)
    progress: Progress = Progress.HEAD
    expects_continue: bool = False  # the client waits for "100 Continue" before it sends the body
    head_too_long: bool = False
    end: int = 0  # of the request in `data`, where its progress is WHOLE
    given_bytes: int = 0  # of a whole request that is not in `data` any more

    _position: int = 0  # up to which `data` has been searched
    _chunked: bool = False
    _body_bytes: int = 0  # of the chunks so far
    _chunk_lines: int = 0  # bytes of them
    _in_trailer: bool = False

    def feed(self, data: bytes) -> Progress:
        """Add what the client sent, and return how much of the request is there."""
        self.data += data
        return self.advance()

    def advance(self) -> Progress:
        if self.progress is Progress.HEAD:
            self._find_head()
        if self.progress is Progress.BODY:
            if self._chunked:
                self._find_chunks()
            elif len(self.data) >= self.end:
                self.progress = Progress.WHOLE
        return self.progress

    def pieces(self) -> Iterator[bytes]:
        """Yield the request's bytes, or as many as there are of an unreadable one.

        In small pieces, because gunicorn copies the rest of a piece at each read, and discards a
        body that the site has not read by reading 1,024 bytes at a time. With the last piece a
        whole request leaves `data`, since the site has its own copy of the body by then.
        """
        end = self.end if self.progress is Progress.WHOLE else len(self.data)
        for start in range(0, end, PIECE_BYTES):
            stop = min(start + PIECE_BYTES, end)
            piece = bytes(self.data[start:stop])
            if stop == self.end:
                self.data, self.end, self.given_bytes = self.data[stop:], 0, stop
            yield piece

    def next_request(self) -> "RequestBuffer":
        """Return a buffer for the next request, with what the client sent of it already."""
        return RequestBuffer(max_body=self.max_body, data=self.data[self.end :])

    def _find_head(self) -> None:
        # RFC 9112 section 2.2: an empty line before the request line is ignored.
        start = 2 if self.data.startswith(b"\r\n") else 0
        found = self.data.find(_HEAD_END, max(start, self._position - len(_HEAD_END)))
        length = found if found >= 0 else len(self.data)
        if length > MAX_HEAD_BYTES:
            self.head_too_long = True
            self.progress = Progress.UNREADABLE
        elif found >= 0:
            self._position = found + len(_HEAD_END)
            self._read_head(bytes(self.data[start:found]))
        else:
            self._position = len(self.data)

    def _read_head(self, head: bytes) -> None:
        lengths: list[bytes] = []
        codings: list[bytes] = []
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            match name.lower():
                case b"content-length":
                    lengths.append(value.strip(b" \t"))
                case b"transfer-encoding":
                    codings.append(value.strip(b" \t").lower())
                case b"expect":
                    self.expects_continue = value.strip(b" \t").lower() == b"100-continue"
        self.progress = Progress.BODY
        if codings:
            # Both at once is how requests are smuggled past proxies.
            if codings != [b"chunked"] or lengths:
                self.progress = Progress.UNREADABLE
            self._chunked = True
        elif lengths:
            length = lengths[0].decode("latin-1")
            readable = len(lengths) == 1 and length.isdecimal() and len(length) <= MAX_DIGITS
            if not readable or int(length) > self.max_body:
                self.progress = Progress.UNREADABLE
            else:
                self.end = self._position + int(length)
        else:
            self.end = self._position

    def _find_chunks(self) -> None:
        while self.progress is Progress.BODY:
            line_end = self.data.find(b"\r\n", self._position)
            line = bytes(self.data[self._position : line_end])
            overhead = self._chunk_lines + len(line) + 4  # with the ends of line and chunk
            if line_end < 0:
                if len(self.data) - self._position > MAX_CHUNK_LINE_BYTES:
                    self.progress = Progress.UNREADABLE
                return
            after_line = line_end + 2
            if overhead > MAX_CHUNK_OVERHEAD:
                self.progress = Progress.UNREADABLE
                return
            if self._in_trailer:
                self._position = after_line
                if not line:
                    self.end = after_line
                    self.progress = Progress.WHOLE
            elif not (size := _CHUNK_LINE.fullmatch(line)):
                self.progress = Progress.UNREADABLE
            elif (length := int(size[1], 16)) == 0:
                self._in_trailer = True
                self._position = after_line
            else:
                arrived = min(length, len(self.data) - after_line)
                if self._body_bytes + arrived > self.max_body:
                    self.progress = Progress.UNREADABLE
                if len(self.data) < after_line + length + 2:
                    return
                self._body_bytes += length
                self._position = after_line + length + 2
            self._chunk_lines = overhead
