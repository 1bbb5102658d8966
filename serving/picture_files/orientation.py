"""The orientation of a picture, read from its metadata and written without the rest of it.

EXIF is a TIFF file (CIPA DC-008, "Exif 2.32", 4.5); its tag 0x0112 is the orientation.
"""

import re
import struct

UPRIGHT = 1
ORIENTATIONS = range(1, 9)
TAG = 0x0112
SHORT = 3  # TIFF's type of a 16-bit number
MOST_ENTRIES = 1000  # of a directory; cameras write some 20
EXIF_HEADER = b"Exif\0\0"
# XMP holds it as an attribute or as an element.
XMP = re.compile(rb"""tiff:Orientation(?:\s?=\s?["']|>)([1-8])["'<]""")


def read_exif(exif: bytes) -> int | None:
    """Returns the orientation of an EXIF block, with or without its header; None without one."""
    tiff = exif.removeprefix(EXIF_HEADER)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return None
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return None
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for index in range(min(count, MOST_ENTRIES)):
        at = start + 2 + 12 * index
        if at + 12 > len(tiff):
            return None
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if tag == TAG:
            return value if kind == SHORT and values == 1 and value in ORIENTATIONS else None
    return None


def read_xmp(xmp: bytes) -> int | None:
    """Returns the orientation of an XMP document; None without one."""
    found = XMP.search(xmp)
    return int(found[1]) if found else None


def tiff_of(orientation: int) -> bytes:
    """Returns a TIFF block that holds an orientation and nothing else."""
    entry = struct.pack(">HHIHH", TAG, SHORT, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
