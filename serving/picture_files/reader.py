"""Reads a picture file of any accepted format."""

from serving.picture_files import jpeg, png, webp
from serving.picture_files.errors import NotAPicture
from serving.picture_files.picture_file import PictureFile


def read_picture_file(data: bytes) -> PictureFile:
    """Walks a PNG, JPEG or WebP file, told apart by their first bytes.

    Raises:
        NotAPicture: it is of another format, or its structure is damaged.
        PictureTooLarge: it has more scans or parts than are decoded.
    """
    if data.startswith(png.SIGNATURE):
        return png.read(data)
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.read(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.read(data)
    raise NotAPicture
