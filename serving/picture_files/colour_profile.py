"""ICC profiles reduced to what changes colours (ICC.1:2022, "Image technology colour management").

A profile also holds a description, a copyright, the names of a device and its maker, and dates.
"""

import struct

LARGEST = 2 * 2**20  # CMYK profiles have about 1 MB, a phone's have 600 bytes
HEADER = 128  # bytes
MOST_TAGS = 100
MAGIC = slice(36, 40)  # of every profile: "acsp"
DATE = slice(24, 36)
# The tool that wrote it, platform, maker, model, creator, checksum, and bytes without a use.
NAMES = (slice(4, 8), slice(40, 44), slice(48, 56), slice(80, 128))
SOME_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # a date must be there
COLOURS = frozenset(
    b"wtpt bkpt rXYZ gXYZ bXYZ rTRC gTRC bTRC kTRC chad cicp lumi gamt"
    b" A2B0 A2B1 A2B2 B2A0 B2A1 B2A2".split()
)


def colours_only(profile: bytes) -> bytes | None:
    """Returns the profile without names, texts and dates; None if it is damaged or too large."""
    if not HEADER + 4 <= len(profile) <= LARGEST or profile[MAGIC] != b"acsp":
        return None
    (count,) = struct.unpack_from(">I", profile, HEADER)
    if count > MOST_TAGS or HEADER + 4 + 12 * count > len(profile):
        return None
    kept: list[tuple[bytes, int, int]] = []
    for index in range(count):
        name, start, size = struct.unpack_from(">4sII", profile, HEADER + 4 + 12 * index)
        if start + size > len(profile):
            return None
        if name in COLOURS:
            kept.append((name, start, size))
    table, blocks = b"", b""
    places: dict[tuple[int, int], int] = {}  # tags may share their data
    first = HEADER + 4 + 12 * len(kept)
    for name, start, size in kept:
        if (start, size) not in places:
            places[start, size] = first + len(blocks)
            blocks += profile[start : start + size] + bytes(-size % 4)
        table += struct.pack(">4sII", name, places[start, size], size)
    header = bytearray(profile[:HEADER])
    for part in NAMES:
        header[part] = bytes(part.stop - part.start)
    header[DATE] = SOME_DATE
    whole = bytes(header) + struct.pack(">I", len(kept)) + table + blocks
    return struct.pack(">I", len(whole)) + whole[4:]
