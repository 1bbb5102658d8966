"""Decodes the bytes of a picture file."""

import io

from PIL import Image, ImageOps

from serving.preprocessing.ink_extraction import WORKING_SIDE

# About what a phone's camera makes; decoded it is 75 MB at three bytes a pixel.
MAX_PIXELS = 25_000_000
FORMATS = ("PNG", "JPEG", "WEBP")


class PictureError(ValueError):
    """A picture that cannot become an instance; the message says why and what would be right."""


class NotAPicture(PictureError):
    """The bytes are not a PNG, JPEG or WebP file, or are a damaged one."""


class PictureTooLarge(PictureError):
    """The picture has more pixels than are decoded."""


def decode_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decodes a picture file and turns the picture upright; its mode stays as it is.

    The size is read from the header before any pixel is decoded. Of an animation, the first
    frame is used.

    Raises:
        NotAPicture: the bytes are not a picture of FORMATS.
        PictureTooLarge: it has more than `max_pixels`.
    """
    too_large = f"has more than {max_pixels:,} pixels; send a smaller one (1,000 x 1,000 is plenty)"
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = picture.size
        if width * height > max_pixels:
            raise PictureTooLarge(f"The picture is {width} x {height} and so {too_large}.")
        if picture.format == "JPEG":
            # The decoder itself shrinks by 2, 4 or 8: quicker, and never below the working side.
            picture.draft(picture.mode, (2 * WORKING_SIDE, 2 * WORKING_SIDE))
        picture.load()
        return ImageOps.exif_transpose(picture)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge(f"The picture {too_large}.") from error
    # Pillow's decoders raise nearly any exception on damaged bytes.
    except Exception as error:
        raise NotAPicture(
            "The bytes are not a picture that can be read; send a complete PNG, JPEG or WebP file."
        ) from error
