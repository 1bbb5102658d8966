"""Turns any picture of a digit into the instance that a model reads, as MNIST made its own.

MNIST's digits were fitted into a 20x20 box with their aspect kept, antialiased, and placed by
their centre of mass in 28x28 (LeCun et al., 1998, and yann.lecun.com/exdb/mnist). A network trained
on them reads drawings about as well as they were prepared the same way: this module is the only
preparation there is, for the site and for training alike. What MNIST had no need of comes before:
ink of either polarity or on transparency, specks, pens from a hair to a marker, photographs
(`photographs`). docs/preprocessing.md has the measurements behind the constants.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from serving.preprocessing import ink_extraction

# Noted on model cards: an instance of one number is not an instance of another.
PREPROCESSING_VERSION = 1

INSTANCE_SIZE = 28  # MNIST: a picture is 28x28
DIGIT_BOX = 20  # MNIST: digits fit a 20x20 box inside it
# MNIST: the centre of mass lies between 14 and 15 from either edge (its mean over the training
# set is 14.51, 14.50), as digits were shifted by whole pixels.
CENTRE_OF_MASS = 14.5
# Ink that is no finer than the instance itself, MNIST's own say, is shifted by whole pixels too:
# a fraction would only blur it.
WHOLE_SHIFT_SCALE = 1.25
# About what a phone's camera makes; decoded it is 75 MB at three bytes a pixel.
MAX_PIXELS = 25_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
# A picture is averaged down to at most this side first: 30 times finer than the digit box, and
# a hair of one pixel in 4,000 still has a contrast of 255/7.
WORKING_SIDE = 600
# A stroke thinner than this, in instance pixels, is widened to it before the picture is shrunk.
# Half of MNIST's strokes lie between 2.1 and 3.2.
MIN_STROKE = 2.0
# Ink smaller than this share of the picture's side is a speck, not a drawing: the thinnest pen of
# the page makes a dot three times as large.
SMALLEST = 0.01
THICKENING_SIDE = 80  # the longest side at which strokes are widened: 4 times the digit box


class PictureError(ValueError):
    """A picture that cannot become an instance; the message says why and what would be right."""


class NotAPicture(PictureError):
    """The bytes are no PNG, JPEG or WebP, or a damaged one."""


class PictureTooLarge(PictureError):
    """More pixels than are decoded."""


class BlankPicture(PictureError):
    """There is no ink on it."""


def decode_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in a file's bytes, upright, in whatever mode it has.

    The size is read from the header, before any pixel is decoded. Of an animation the first
    frame counts.

    Raises:
        NotAPicture, PictureTooLarge
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
    # Pillow's decoders raise nearly anything on hostile bytes.
    except Exception as error:
        raise NotAPicture(
            "The bytes are not a picture that can be read; send a complete PNG, JPEG or WebP file."
        ) from error


def to_instance(picture: Image.Image) -> NDArray[np.float32]:
    """The picture as a model reads it.

    Args:
        picture: any size and mode; ink darker or lighter than the paper, or on transparency.

    Returns:
        (28, 28) float32, 0..1: ink 1, paper 0; its bounding box about 20 at its longest, its
        centre of mass in the middle.

    Raises:
        BlankPicture: it is all one colour, or holds nothing but specks.
    """
    ink = ink_extraction.find_ink(picture, working_side=WORKING_SIDE)
    ink = ink_extraction.without_specks(ink) if ink is not None else None
    box = ink.getbbox() if ink is not None else None
    if ink is None or box is None or max(ink.crop(box).size) < SMALLEST * max(ink.size):
        raise BlankPicture("The picture is blank: there is no ink on it. Draw a digit from 0 to 9.")
    return _placed(ink.crop(box))


def instance_png(instance: NDArray[np.float32]) -> bytes:
    """The instance as a model saw it: a 28x28 greyscale PNG, white digit on black.

    Args:
        instance: (28, 28) or (28, 28, 1), 0..1.

    Raises:
        ValueError: another shape.
    """
    pixels = np.asarray(instance)
    if pixels.shape not in ((INSTANCE_SIZE, INSTANCE_SIZE), (INSTANCE_SIZE, INSTANCE_SIZE, 1)):
        raise ValueError(f"an instance is (28, 28), this is {pixels.shape}")
    grey = np.rint(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey.reshape(INSTANCE_SIZE, INSTANCE_SIZE)).save(file, "PNG")
    return file.getvalue()


def _placed(ink: Image.Image) -> NDArray[np.float32]:
    """Ink cut to its bounding box, fitted into the digit box and centred by mass."""
    ink, scale = _with_even_strokes(ink)  # scale: pixels of ink to one of the instance
    pixels = np.asarray(ink)
    mass = float(pixels.sum(dtype=np.int64))
    middle_x = float(pixels.sum(0, dtype=np.int64) @ (np.arange(ink.width) + 0.5)) / mass
    middle_y = float(pixels.sum(1, dtype=np.int64) @ (np.arange(ink.height) + 0.5)) / mass
    left, top = CENTRE_OF_MASS - middle_x / scale, CENTRE_OF_MASS - middle_y / scale
    if scale <= WHOLE_SHIFT_SCALE:
        left, top = round(left), round(top)
    # The margin that lets the box below lie wholly inside the picture.
    margin = int(np.ceil(INSTANCE_SIZE * scale)) + 1
    sheet = Image.new("L", (ink.width + 2 * margin, ink.height + 2 * margin), 0)
    sheet.paste(ink, (margin, margin))
    x, y, side = margin - left * scale, margin - top * scale, INSTANCE_SIZE * scale
    # One resampling does both: scale by area and shift by a fraction of a pixel.
    placed = sheet.resize(
        (INSTANCE_SIZE, INSTANCE_SIZE),
        Image.Resampling.BOX if scale >= 1 else Image.Resampling.BILINEAR,
        box=(x, y, x + side, y + side),
    )
    return np.asarray(placed, dtype=np.float32) / np.float32(255)


def _with_even_strokes(ink: Image.Image) -> tuple[Image.Image, float]:
    """Strokes too thin to survive the shrinking widened to MIN_STROKE; others as they are.

    Returns:
        The ink, and how many of its pixels make one of the instance's.
    """
    scale = max(ink.size) / DIGIT_BOX
    stroke = ink_extraction.stroke_width(np.asarray(ink)) / scale  # in instance pixels
    if stroke >= MIN_STROKE or scale <= WHOLE_SHIFT_SCALE:
        return ink, scale
    # The widened ink, not the thin one, is what must fill the box.
    room = DIGIT_BOX - (MIN_STROKE - stroke)
    ink, factor = ink_extraction.shrunk_and_full(ink, side=THICKENING_SIDE)
    scale = scale / factor * DIGIT_BOX / room
    missing = MIN_STROKE * scale - ink_extraction.stroke_width(np.asarray(ink))
    return ink_extraction.widened(ink, missing / 2), scale


__all__ = [
    "DIGIT_BOX",
    "INSTANCE_SIZE",
    "PREPROCESSING_VERSION",
    "BlankPicture",
    "NotAPicture",
    "PictureError",
    "PictureTooLarge",
    "decode_picture",
    "instance_png",
    "to_instance",
]
