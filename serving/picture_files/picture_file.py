"""The description of a picture file."""

from dataclasses import dataclass
from typing import Literal

FileFormat = Literal["PNG", "JPEG", "WEBP"]


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A picture file without its metadata, and what its headers say."""

    file_format: FileFormat
    content: bytes  # looks the same as what was sent: orientation and colour profile are kept
    width: int  # as stored, before it is turned upright
    height: int
    orientation: int  # EXIF's, 1..8; 1 is upright
    bytes_per_pixel: int  # decoded
    working_bytes: int  # what the decoder needs beside the pixels, about
