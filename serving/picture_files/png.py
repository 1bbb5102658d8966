"""PNG files (W3C, "Portable Network Graphics Specification", third edition)."""

import struct
import zlib
from collections.abc import Iterator

from serving.picture_files.colour_profile import LARGEST, colours_only
from serving.picture_files.errors import NotAPicture, PictureTooLarge
from serving.picture_files.orientation import UPRIGHT, read_exif, read_xmp, tiff_of
from serving.picture_files.picture_file import PictureFile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 5000  # encoders put 4 kB or more in one: a file of 5 MB has at most 1,300
# What shows the picture. Of an animation this is its default image.
KEPT = frozenset(b"IHDR PLTE tRNS IDAT IEND gAMA cHRM sRGB sBIT bKGD pHYs cICP mDCV cLLI".split())
XMP_KEYWORD = b"XML:com.adobe.xmp\0\0"  # uncompressed
GREY, PALETTE = 0, 3  # colour types


def read(data: bytes) -> PictureFile:
    """Walks the chunks of a PNG.

    Raises:
        NotAPicture, PictureTooLarge
    """
    header: bytes | None = None
    pieces = [SIGNATURE]
    exif, xmp = None, None
    profiled = False
    for name, content, whole in _chunks(data):
        if header is None:
            if name != b"IHDR" or len(content) != 13:
                raise NotAPicture
            header = content
        if name in KEPT:
            pieces.append(whole)
        elif name == b"iCCP" and not profiled:
            profiled = True  # one is allowed, and each is unpacked
            pieces.append(_profile(content))
        elif name == b"eXIf":
            exif = exif or read_exif(content)
        elif name == b"iTXt" and content.startswith(XMP_KEYWORD):
            xmp = xmp or read_xmp(content)
    if header is None:
        raise NotAPicture
    orientation = exif or xmp or UPRIGHT
    if orientation != UPRIGHT:
        pieces.insert(2, _chunk(b"eXIf", tiff_of(orientation)))
    width, height, bits, colour = struct.unpack_from(">IIBB", header)
    pixel = 4  # Pillow's pixels of several bands
    if colour in (GREY, PALETTE):
        pixel = 2 if bits == 16 else 1
    return PictureFile(
        file_format="PNG",
        content=b"".join(pieces),
        width=width,
        height=height,
        orientation=orientation,
        bytes_per_pixel=pixel,
        working_bytes=0,  # it decodes row by row
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yields the name, the content and all of each chunk, up to the end of the picture."""
    at, number = len(SIGNATURE), 0
    while at + 8 <= len(data):
        number += 1
        if number > MOST_CHUNKS:
            raise PictureTooLarge(
                f"The PNG has more than {MOST_CHUNKS:,} chunks; save it again without metadata."
            )
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) and name != b"IDAT":  # how much of the pixels is there, is decoded
            return
        yield name, data[at + 8 : end - 4], data[at:end]
        if name == b"IEND":
            return
        at = end


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def _profile(content: bytes) -> bytes:
    """Returns an iCCP chunk of colours only; nothing if the profile is damaged or too large."""
    _, _, packed = content.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], LARGEST + 1)
    except zlib.error:
        return b""
    colours = colours_only(profile)
    return _chunk(b"iCCP", b"icc\0\0" + zlib.compress(colours)) if colours else b""
