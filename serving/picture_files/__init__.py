"""Picture files before they are decoded: their size, what decoding would cost, their metadata.

A PNG, JPEG or WebP file is walked once, without decoding a pixel. What would cost too much is
refused, and what shows nothing of the picture is dropped: EXIF, GPS, XMP, comments, thumbnails,
further frames, anything behind the picture's end. The pixels' own bytes stay as they are.
"""

from serving.picture_files.errors import NotAPicture, PictureError, PictureTooLarge
from serving.picture_files.picture_file import PictureFile
from serving.picture_files.reader import read_picture_file

__all__ = ["NotAPicture", "PictureError", "PictureFile", "PictureTooLarge", "read_picture_file"]
