"""Small files that would cost a decoder much time or memory, each made by code.

The names are those of the table in docs/limits.md.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

SIDE = 5000  # 25 million pixels, the most that are decoded
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def png_chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    *,
    side: int,
    bits: int,
    colour: int,
    interlaced: bool = False,
    before: bytes = b"",
    row: int = 0,
) -> bytes:
    """Returns a PNG of one value.

    Args:
        bits: of a sample.
        colour: PNG's colour type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
        before: chunks to put before the pixels.
        row: the filter of every row, 0..4.
    """
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, int(interlaced))
    packer = zlib.compressobj(9)
    pixels = b""
    for width, height in adam7(side) if interlaced else [(side, side)]:
        line = bytes([row]) + b"\x11" * (-(-width * channels * bits // 8))
        block = line * 50
        pixels += packer.compress(block * (height // 50) + line * (height % 50))
    pixels += packer.flush()
    palette = png_chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    return (
        PNG_SIGNATURE
        + png_chunk(b"IHDR", header)
        + palette
        + before
        + png_chunk(b"IDAT", pixels)
        + png_chunk(b"IEND")
    )


def adam7(side: int) -> Iterator[tuple[int, int]]:
    """Yields the sizes of the seven passes of an interlaced PNG."""
    for left, top, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):  # fmt: skip
        yield -(-(side - left) // across), -(-(side - top) // down)


def jpeg_segments(data: bytes) -> list[bytes]:
    """Splits a JPEG into its segments; a scan's data is in the segment of its SOS."""
    pieces, at = [data[:2]], 2
    while data[at + 1] != 0xD9:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] == 0xDA:
            while data[end] != 0xFF or data[end + 1] == 0 or 0xD0 <= data[end + 1] <= 0xD7:
                end += 1
        pieces.append(data[at:end])
        at = end
    return [*pieces, data[at:]]


def repeated_scans(*, side: int, scans: int) -> bytes:
    """Returns a progressive JPEG whose last scan is repeated until it has `scans` of them."""
    pieces = jpeg_segments(
        encoded(Image.new("L", (side, side), 255), "JPEG", progressive=True, quality=50)
    )
    last = pieces[-2]
    have = sum(piece[1] == 0xDA for piece in pieces[1:])
    return b"".join([*pieces[:-1], last * (scans - have), pieces[-1]])


def drawing(side: int, mode: str = "RGB") -> Image.Image:
    """Returns a picture of a thick line, and noise in its corner."""
    pixels = np.full((side, side), 255, np.uint8)
    pixels[side // 5 : -side // 5, side // 2 : side // 2 + side // 12] = 0
    return Image.fromarray(pixels).convert(mode)


def noise(side: int, bands: int) -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 256, (side, side, bands), np.uint8).squeeze())


def webp_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def animated_webp(*, side: int, frames: int) -> bytes:
    """Returns a WebP of `frames` frames as large as the picture, each of one colour."""
    still = encoded(Image.new("RGB", (side, side), (200, 0, 0)), "WEBP", lossless=True)[12:]
    flags = struct.pack("<I", 2) + (side - 1).to_bytes(3, "little") * 2
    frame = b"\0" * 6 + (side - 1).to_bytes(3, "little") * 2 + b"\x10\0\0\0" + still
    return riff(
        webp_chunk(b"VP8X", flags)
        + webp_chunk(b"ANIM", b"\0" * 6)
        + webp_chunk(b"ANMF", frame) * frames
    )


def _icc_bomb() -> bytes:
    return png_chunk(b"iCCP", b"x\0\0" + zlib.compress(b"\0" * 1_000_000, 9))


def _text_bomb() -> bytes:
    return png_chunk(b"zTXt", b"x\0\0" + zlib.compress(b"\0" * 1_000_000, 9))


MAKERS: dict[str, Callable[[], bytes]] = {
    "JPEG, 2,000 scans": lambda: repeated_scans(side=2000, scans=2000),
    "JPEG, 30,000 scans": lambda: repeated_scans(side=1000, scans=30_000),
    "JPEG, 100 scans, 25 MP": lambda: repeated_scans(side=SIDE, scans=100),
    "JPEG, progressive 4:4:4, 25 MP": lambda: encoded(
        drawing(SIDE), "JPEG", progressive=True, subsampling=0, quality=50
    ),
    "JPEG, progressive CMYK, 25 MP": lambda: encoded(
        drawing(SIDE, "CMYK"), "JPEG", progressive=True, quality=50
    ),
    "JPEG, CMYK, 65,000 x 380": lambda: encoded(
        drawing(SIDE, "CMYK").resize((65_000, 380)), "JPEG", quality=50
    ),
    "JPEG, 25 MP": lambda: encoded(drawing(SIDE), "JPEG", quality=75),
    "JPEG, turned, 65,000 x 380": lambda: encoded(
        drawing(SIDE).resize((65_000, 380)), "JPEG", exif=turned(6)
    ),
    "JPEG, a million segments": lambda: (
        b"\xff\xd8" + b"\xff\xfe\0\x02" * 1_000_000 + encoded(drawing(100), "JPEG")[2:]
    ),
    "PNG, RGBA of 16 bits, 25 MP": lambda: png(side=SIDE, bits=16, colour=6),
    "PNG, RGBA of 16 bits, interlaced, 25 MP": lambda: png(
        side=SIDE, bits=16, colour=6, interlaced=True
    ),
    "PNG, RGBA of 16 bits, Paeth, 25 MP": lambda: png(side=SIDE, bits=16, colour=6, row=4),
    "PNG, grey of 16 bits, 25 MP": lambda: png(side=SIDE, bits=16, colour=0),
    "PNG, grey and alpha of 16 bits, 25 MP": lambda: png(side=SIDE, bits=16, colour=4),
    "PNG, palette, 25 MP": lambda: png(
        side=SIDE, bits=8, colour=3, before=png_chunk(b"tRNS", bytes(200))
    ),
    "PNG, RGB, turned, 25 MP": lambda: png(
        side=SIDE, bits=8, colour=2, before=png_chunk(b"eXIf", turned(6).tobytes()[6:])
    ),
    "PNG, RGBA, ink on transparency, 25 MP": lambda: encoded(
        Image.merge("RGBA", [*drawing(SIDE).split(), drawing(SIDE, "L")]), "PNG"
    ),
    "PNG, 4,000 ICC profiles": lambda: png(side=50, bits=8, colour=2, before=_icc_bomb() * 4000),
    "PNG, 60 texts of 1 MB": lambda: png(side=50, bits=8, colour=2, before=_text_bomb() * 60),
    "PNG, 400,000 chunks": lambda: png(
        side=50, bits=8, colour=2, before=png_chunk(b"tEXt", b"") * 400_000
    ),
    "PNG, 400,000 empty IDAT": lambda: png(
        side=50, bits=8, colour=2, before=png_chunk(b"IDAT", b"") * 400_000
    ),
    "WebP, lossless, 25 MP": lambda: encoded(
        Image.new("RGB", (SIDE, SIDE), (200, 0, 0)), "WEBP", lossless=True
    ),
    "WebP, lossy, 25 MP": lambda: encoded(drawing(SIDE), "WEBP", quality=20, method=0),
    "WebP, lossless noise, 1.3 MP": lambda: encoded(
        noise(1150, 3), "WEBP", lossless=True, method=0
    ),
    "WebP, 50,000 frames": lambda: animated_webp(side=1000, frames=50_000),
    "WebP, lossless, 6 MP": lambda: encoded(
        Image.new("RGB", (2450, 2450), (200, 0, 0)), "WEBP", lossless=True
    ),
}


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@cache
def hostile(name: str) -> bytes:
    return MAKERS[name]()
