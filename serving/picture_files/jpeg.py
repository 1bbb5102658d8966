"""JPEG files (ITU-T T.81; JFIF, ITU-T T.871)."""

import re
import struct
from dataclasses import dataclass, field

from serving.picture_files.colour_profile import LARGEST, colours_only
from serving.picture_files.errors import NotAPicture, PictureTooLarge
from serving.picture_files.orientation import (
    EXIF_HEADER,
    UPRIGHT,
    read_exif,
    read_xmp,
    tiff_of,
)
from serving.picture_files.picture_file import PictureFile

SIGNATURE = b"\xff\xd8\xff"
# Encoders write about 10. A scan of no more than 20 bytes makes the decoder go through the whole
# picture, at about 40 ns a block of 8x8 pixels (libjpeg-turbo 3.2).
MOST_SCANS = 100
# Blocks that the scans together go through, about a second; a progressive photograph of 25 million
# pixels in 10 scans has 4 million.
MOST_BLOCKS = 20_000_000
MOST_SEGMENTS = 2000  # a colour profile takes up to 255, a scan up to 4
COEFFICIENTS = 128  # bytes of a block that is kept until the last scan: 64 of 16 bits

SOI, EOI, SOS, APP0, APP1, APP2, APP14, APP15, COM = (
    0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE,
)  # fmt: skip
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2  # with Huffman's coding
ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a segment
# A marker ends a scan's data: anything but a stuffed zero, a fill byte or a restart.
SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
JFIF, ICC, XMP, ADOBE = b"JFIF\0", b"ICC_PROFILE\0", b"http://ns.adobe.com/xap/1.0/\0", b"Adobe"
SEGMENT_CONTENT = 65_533


@dataclass
class _Frame:
    """The frame header: size and sampling factors."""

    marker: int
    width: int
    height: int
    components: dict[int, tuple[int, int]]  # sampling factors by id

    def blocks(self, component: int) -> int:
        """Returns the blocks of 8x8 of a component, with those that fill up its last units."""
        across, down = self.components[component]
        widest = max(factors[0] for factors in self.components.values())
        highest = max(factors[1] for factors in self.components.values())
        units = -(-self.width // (8 * widest)) * -(-self.height // (8 * highest))
        return units * across * down

    @property
    def all_blocks(self) -> int:
        return sum(self.blocks(component) for component in self.components)


@dataclass
class _Walk:
    """The findings of a walk over the segments so far."""

    frame: _Frame | None = None
    scans: int = 0
    blocks: int = 0  # of all scans
    buffered: bool = False  # the decoder holds every coefficient until the last scan
    jfif: bytes = b""
    exif: int | None = None
    xmp: int | None = None
    profile: dict[int, bytes] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)


def read(data: bytes) -> PictureFile:
    """Walks the segments of a JPEG.

    Raises:
        NotAPicture: it is damaged, or lossless, hierarchical or with arithmetic coding.
        PictureTooLarge: it has more scans or segments than are decoded.
    """
    walk = _Walk()
    at, segments = 2, 0
    while True:
        at = data.find(b"\xff", at)
        marker = data[at + 1] if 0 <= at < len(data) - 1 else None
        if marker is None:
            break  # cut short: the decoder finds out what is missing
        if marker in (0x00, 0xFF) or marker in ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (SOI, EOI):
            if marker == SOI:
                raise NotAPicture
            walk.body.append(b"\xff\xd9")
            break
        segments += 1
        if segments > MOST_SEGMENTS:
            raise PictureTooLarge(
                f"The JPEG has more than {MOST_SEGMENTS:,} segments; save it without metadata."
            )
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if end < at + 4 or end > len(data):
            raise NotAPicture
        if marker == SOS:
            _count_scan(walk, data[at + 4 : end])
            found = SCAN_END.search(data, end)
            end = found.start() if found else len(data)
        _take(walk, marker, data[at:end])
        at = end
    if walk.frame is None or not walk.scans:
        raise NotAPicture
    orientation = walk.exif or walk.xmp or UPRIGHT
    return PictureFile(
        file_format="JPEG",
        content=b"".join([b"\xff\xd8", walk.jfif, *_kept_metadata(walk, orientation), *walk.body]),
        width=walk.frame.width,
        height=walk.frame.height,
        orientation=orientation,
        bytes_per_pixel=1 if len(walk.frame.components) == 1 else 4,
        working_bytes=walk.frame.all_blocks * COEFFICIENTS if walk.buffered else 0,
    )


def _take(walk: _Walk, marker: int, segment: bytes) -> None:
    """Keeps a segment, what is needed of it, or nothing of it."""
    content = segment[4:]
    if marker in FRAMES:
        _read_frame(walk, marker, content)
    if marker == APP0:
        if content.startswith(JFIF) and len(content) >= 12 and not walk.jfif:
            walk.jfif = _segment(APP0, content[:12] + b"\0\0")  # without its thumbnail
    elif marker == APP1:
        if content.startswith(EXIF_HEADER):
            walk.exif = walk.exif or read_exif(content)
        elif content.startswith(XMP):
            walk.xmp = walk.xmp or read_xmp(content)
    elif marker == APP2:
        if content.startswith(ICC) and len(content) > len(ICC) + 2:
            walk.profile.setdefault(content[len(ICC)], content[len(ICC) + 2 :])
    elif marker == APP14:
        if content.startswith(ADOBE):  # which colours the components are
            walk.body.append(_segment(APP14, content[:12]))
    elif not (APP0 <= marker <= APP15 or marker == COM):
        walk.body.append(segment)


def _read_frame(walk: _Walk, marker: int, content: bytes) -> None:
    if marker not in (BASELINE, EXTENDED, PROGRESSIVE):
        raise NotAPicture(
            "The JPEG is lossless, hierarchical or has arithmetic coding; save it as an ordinary "
            "JPEG, PNG or WebP."
        )
    if walk.frame is not None or len(content) < 6 or len(content) < 6 + 3 * content[5]:
        raise NotAPicture
    _, height, width, count = struct.unpack_from(">BHHB", content)
    components = {}
    for index in range(count):
        identity, factors, _ = content[6 + 3 * index : 9 + 3 * index]
        components[identity] = (factors >> 4, factors & 15)
    if not (width and height and 0 < len(components) == count) or not all(
        1 <= factor <= 4 for factors in components.values() for factor in factors
    ):
        raise NotAPicture
    walk.frame = _Frame(marker, width, height, components)
    walk.buffered = marker == PROGRESSIVE


def _count_scan(walk: _Walk, content: bytes) -> None:
    """Counts a scan and the blocks that it goes through, before any is decoded."""
    frame = walk.frame
    if frame is None or not content or len(content) < 1 + 2 * content[0]:
        raise NotAPicture
    components = [content[1 + 2 * index] for index in range(content[0])]
    if not set(components) <= set(frame.components):
        raise NotAPicture
    walk.scans += 1
    walk.blocks += sum(frame.blocks(component) for component in components)
    walk.buffered = walk.buffered or len(components) < len(frame.components)
    if walk.scans > MOST_SCANS:
        raise PictureTooLarge(
            f"The JPEG has more than {MOST_SCANS} scans; save it as an ordinary (baseline) JPEG."
        )
    if walk.blocks > MOST_BLOCKS:
        raise PictureTooLarge(
            f"The JPEG has too many scans for its {frame.width} x {frame.height} pixels; save it "
            "as an ordinary (baseline) JPEG."
        )


def _kept_metadata(walk: _Walk, orientation: int) -> list[bytes]:
    """Returns the segments of the orientation, unless it is upright, and of the colour profile."""
    segments = []
    if orientation != UPRIGHT:
        segments.append(_segment(APP1, EXIF_HEADER + tiff_of(orientation)))
    profile = b"".join(walk.profile[number] for number in sorted(walk.profile))
    colours = colours_only(profile) if len(profile) <= LARGEST else None
    if colours:
        room = SEGMENT_CONTENT - len(ICC) - 2
        parts = [colours[start : start + room] for start in range(0, len(colours), room)]
        segments += [
            _segment(APP2, ICC + bytes([number, len(parts)]) + part)
            for number, part in enumerate(parts, 1)
        ]
    return segments


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
