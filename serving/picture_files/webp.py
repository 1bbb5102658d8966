"""WebP files (RFC 9649)."""

import struct
from collections.abc import Iterator

from serving.picture_files.colour_profile import colours_only
from serving.picture_files.errors import NotAPicture, PictureTooLarge
from serving.picture_files.orientation import (
    EXIF_HEADER,
    UPRIGHT,
    read_exif,
    read_xmp,
    tiff_of,
)
from serving.picture_files.picture_file import PictureFile

MOST_CHUNKS = 5000  # a still picture has up to 6, an animation one a frame
# Of a pixel: libwebp's animation decoder, which Pillow uses for every WebP, holds two canvases, and
# Pillow a copy beside its picture.
WORKING_BYTES = 12
ICC_FLAG, ALPHA_FLAG, EXIF_FLAG, XMP_FLAG, ANIMATION_FLAG = 0x20, 0x10, 0x08, 0x04, 0x02
PIXELS = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
FRAME_HEADER = 16  # bytes of place, size and duration before a frame's own chunks


def read(data: bytes) -> PictureFile:
    """Walks the chunks of a WebP; of an animation, keeps the first frame.

    Raises:
        NotAPicture, PictureTooLarge
    """
    size: tuple[int, int] | None = None
    extended = False
    frames = 0
    profile: bytes | None = None
    exif, xmp = None, None
    head, body = b"", []
    end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    for name, content in _chunks(data, 12, end):
        if size is None:
            size = _size(name, content)
            extended = name == b"VP8X"
            if extended:
                head = content[:10]
                continue
        if name in PIXELS or name == b"ANIM":
            body.append(_chunk(name, content))
        elif name == b"ANMF":
            frames += 1
            if frames == 1:
                body.append(_chunk(name, _frame(content)))
        elif name == b"ICCP":
            profile = profile or colours_only(content)
        elif name == b"EXIF":
            exif = exif or read_exif(content)
        elif name == b"XMP ":
            xmp = xmp or read_xmp(content)
    if size is None:
        raise NotAPicture
    orientation = exif or xmp or UPRIGHT
    if extended:
        flags = head[0] & (ALPHA_FLAG | ANIMATION_FLAG)
        if profile:
            flags |= ICC_FLAG
            body.insert(0, _chunk(b"ICCP", profile))
        if orientation != UPRIGHT:
            flags |= EXIF_FLAG
            body.append(_chunk(b"EXIF", EXIF_HEADER + tiff_of(orientation)))
        body.insert(0, _chunk(b"VP8X", bytes([flags]) + head[1:]))
    whole = b"".join(body)
    return PictureFile(
        file_format="WEBP",
        content=b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole,
        width=size[0],
        height=size[1],
        orientation=orientation if extended else UPRIGHT,
        bytes_per_pixel=4,
        working_bytes=size[0] * size[1] * WORKING_BYTES,
    )


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yields name and content of each chunk; one that is cut short is the last, as it is."""
    number = 0
    while at + 8 <= end:
        number += 1
        if number > MOST_CHUNKS:
            raise PictureTooLarge(
                f"The WebP has more than {MOST_CHUNKS:,} chunks or frames; send a still picture."
            )
        name, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise NotAPicture
        yield name, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _size(name: bytes, content: bytes) -> tuple[int, int]:
    """Returns width and height by the first chunk."""
    if name == b"VP8X" and len(content) >= 10:
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (4, 7))
        return width, height
    if name == b"VP8 " and content[3:6] == b"\x9d\x01\x2a" and len(content) >= 10:
        width, height = struct.unpack_from("<HH", content, 6)
        return width & 0x3FFF, height & 0x3FFF
    if name == b"VP8L" and content[:1] == b"\x2f" and len(content) >= 5:
        (bits,) = struct.unpack_from("<I", content, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise NotAPicture


def _frame(content: bytes) -> bytes:
    """Returns a frame without chunks that are not its pixels."""
    pixels = [
        _chunk(name, part)
        for name, part in _chunks(content, FRAME_HEADER, len(content))
        if name in PIXELS
    ]
    return content[:FRAME_HEADER] + b"".join(pixels)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
