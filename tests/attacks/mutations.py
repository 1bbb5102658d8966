"""Hostile requests made from good ones, by a seeded generator: damaged pictures, ink and JSON."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from PIL import Image

from tests.attacks.hostile_pictures import animated_webp, drawing, encoded, png, png_chunk, turned
from tests.harness.drawings import SEVEN, draw_seven

MULTIPART, JSON = "multipart/form-data; boundary=b", "application/json"
# Numbers that decoders mistake: lengths, sizes and signs at their limits.
NUMBERS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
MARKERS = [b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xc2", b"IDAT", b"IEND", b"tRNS", b"ANMF"]


@dataclass(frozen=True)
class Request:
    """The body of a prediction's request."""

    content_type: str
    body: bytes


@cache
def good_pictures() -> dict[str, list[bytes]]:
    """Returns small pictures of every kind, by format."""
    small = drawing(60)
    transparent = Image.merge("RGBA", [*small.split(), drawing(60, "L")])
    jpegs = [
        encoded(small, "JPEG", exif=turned(6)),
        encoded(small, "JPEG", progressive=True, comment=b"a comment"),
        encoded(small.convert("CMYK"), "JPEG"),
        draw_seven(format="JPEG"),
    ]
    pngs = [
        SEVEN,
        encoded(transparent, "PNG"),
        encoded(small.quantize(8), "PNG", exif=turned(3)),
        encoded(small, "PNG", save_all=True, append_images=[small.rotate(90)]),
        png(side=40, bits=16, colour=6, interlaced=True),
    ]
    webps = [
        encoded(small, "WEBP"),
        encoded(transparent, "WEBP", lossless=True, exif=turned(8)),
        animated_webp(side=30, frames=3),
    ]
    return {"PNG": pngs, "JPEG": jpegs, "WEBP": webps}


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Returns bytes changed at up to eight places: flipped, cut, copied, or with other numbers."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(changed)) if changed else 0
        # Headers are short and decide the most.
        at = at % 64 if rng.random() < 0.4 else at
        match rng.randrange(7):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                changed[at : at + 1] = (
                    bytes([changed[at] ^ 1 << rng.randrange(8)]) if changed[at:] else b""
                )
            case 2:
                width, order = rng.choice([1, 2, 4]), rng.choice(["big", "little"])
                number = rng.choice(NUMBERS) & (1 << 8 * width) - 1
                changed[at : at + width] = number.to_bytes(width, order)  # type: ignore[arg-type]
            case 3:
                del changed[at : at + rng.randrange(1, 40)]
            case 4:
                changed[at:at] = changed[at : at + rng.randrange(1, 200)] * rng.choice(
                    [1, 1, 1, 50]
                )
            case 5:
                changed[at:at] = rng.choice(MARKERS)
            case 6:
                if rng.random() < 0.3:
                    del changed[at:]
    return bytes(changed)


def with_checksums(data: bytes) -> bytes:
    """Returns a PNG whose checksums are right, so that its damage reaches the decoder."""
    pieces, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        if at + 12 + length > len(data):
            break
        pieces.append(png_chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return b"".join(pieces) + data[at:]


def ink_json(rng: random.Random, depth: int = 0) -> str:
    """Returns JSON that resembles ink, with wrong types, numbers and depths."""
    if depth > 4 or rng.random() < 0.1 * depth:
        return rng.choice(
            ["1", "-2.5", "1e9", "1e999", "9" * 400, "NaN", "true", "null", '"a"', "{}", "[]",
             "[[[]]]", "0.1e-400", "-0", "Infinity", '{"x": 1}', "\\u0000", '"\\ud800"', "01", ""]
        )  # fmt: skip
    if depth == 3:
        return ",".join(str(rng.choice([0, 1.5, -7, 250, 10**6])) for _ in range(3))
    inner = [ink_json(rng, depth + 1) for _ in range(rng.choice([0, 1, 2, 3, 8]))]
    return f"[{','.join(inner)}]" if depth or rng.random() < 0.95 else "[" * 3000


def form(picture: bytes, ink: str | None) -> Request:
    parts = [b'--b\r\nContent-Disposition: form-data; name="image"; filename="d"\r\n\r\n' + picture]
    if ink is not None:
        parts.append(b'--b\r\nContent-Disposition: form-data; name="ink"\r\n\r\n' + ink.encode())
    return Request(MULTIPART, b"\r\n".join([*parts, b"--b--\r\n"]))


def _picture(file_format: str) -> Callable[[random.Random], Request]:
    def make(rng: random.Random) -> Request:
        picture = damaged(rng.choice(good_pictures()[file_format]), rng)
        repaired = file_format == "PNG" and rng.random() < 0.7
        return form(with_checksums(picture) if repaired else picture, None)

    return make


def _ink(rng: random.Random) -> Request:
    ink = ink_json(rng)
    if rng.random() < 0.5:
        return form(SEVEN, ink)
    url = "data:image/png;base64," + base64.b64encode(SEVEN).decode()
    return Request(JSON, f'{{"image": "{url}", "ink": {ink}}}'.encode())


def _data_url(rng: random.Random) -> Request:
    url = b"data:image/png;base64," + base64.b64encode(SEVEN)
    url = damaged(url, rng) if rng.random() < 0.5 else url[:22] + damaged(url[22:], rng)
    return Request(JSON, json.dumps({"image": url.decode("latin-1"), "ink": None}).encode())


def _body(rng: random.Random) -> Request:
    request = form(SEVEN, "[[[1, 2, 3]]]") if rng.random() < 0.5 else _data_url(rng)
    return Request(request.content_type, damaged(request.body, rng))


KINDS = [_picture("PNG"), _picture("JPEG"), _picture("WEBP"), _ink, _data_url, _body]


def hostile_requests(*, seed: int, count: int) -> Iterator[Request]:
    """Yields requests, every kind in turn; the same ones for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        yield KINDS[number % len(KINDS)](rng)
