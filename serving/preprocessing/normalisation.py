"""Turns a picture of a digit into the instance that a model reads, as MNIST's were made.

MNIST's digits were fitted into a 20x20 box with their aspect kept, antialiased, and placed by
their centre of mass in 28x28 (LeCun et al., 1998, and yann.lecun.com/exdb/mnist). A network trained
on them reads drawings well only if they are prepared the same way. docs/preprocessing.md has the
measurements behind the constants.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.picture_files import PictureError
from serving.preprocessing.dilation import dilated_by_disc
from serving.preprocessing.ink_extraction import extract_ink
from serving.preprocessing.specks import remove_specks
from serving.preprocessing.strokes import shrunk_for_widening, stroke_width

# Recorded on model cards: instances of two versions are not comparable.
PREPROCESSING_VERSION = 1

INSTANCE_SIZE = 28  # MNIST: a picture is 28x28
DIGIT_BOX = 20  # MNIST: digits fit a 20x20 box inside it
# MNIST: the centre of mass lies between 14 and 15 from either edge (its mean over the training
# set is 14.51, 14.50), as digits were shifted by whole pixels.
CENTRE_OF_MASS = 14.5
# Ink no finer than the instance, such as MNIST's own, is shifted by whole pixels too: a fraction
# would only blur it.
WHOLE_SHIFT_SCALE = 1.25
# A stroke thinner than this, in instance pixels, is widened to it before the picture is shrunk.
# Half of MNIST's strokes lie between 2.1 and 3.2.
MIN_STROKE = 2.0
# Ink smaller than this share of the picture's side is a speck, not a drawing: the thinnest pen of
# the page makes a dot three times as large.
SMALLEST = 0.01


class BlankPicture(PictureError):
    """The picture has no ink."""


def to_instance(picture: Image.Image) -> NDArray[np.float32]:
    """Returns the picture as a model reads it.

    Args:
        picture: any size and mode; ink darker or lighter than the paper, or on transparency.

    Returns:
        (28, 28) float32, 0..1: ink 1, paper 0; its bounding box about 20 at its longest, its
        centre of mass in the middle.

    Raises:
        BlankPicture: it has one colour only, or nothing but specks.
    """
    ink = extract_ink(picture)
    ink = remove_specks(ink) if ink is not None else None
    box = ink.getbbox() if ink is not None else None
    if ink is None or box is None or max(ink.crop(box).size) < SMALLEST * max(ink.size):
        raise BlankPicture("The picture is blank: there is no ink on it. Draw a digit from 0 to 9.")
    return _fitted_and_centred(ink.crop(box))


def instance_png(instance: NDArray[np.float32]) -> bytes:
    """Encodes an instance as a 28x28 greyscale PNG, white digit on black.

    Args:
        instance: (28, 28) or (28, 28, 1), 0..1.

    Raises:
        ValueError: it has another shape.
    """
    pixels = np.asarray(instance)
    if pixels.shape not in ((INSTANCE_SIZE, INSTANCE_SIZE), (INSTANCE_SIZE, INSTANCE_SIZE, 1)):
        raise ValueError(f"an instance is (28, 28), this is {pixels.shape}")
    grey = np.rint(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey.reshape(INSTANCE_SIZE, INSTANCE_SIZE)).save(file, "PNG")
    return file.getvalue()


def _fitted_and_centred(ink: Image.Image) -> NDArray[np.float32]:
    """Fits ink, cropped to its bounding box, into the digit box and centres it by mass."""
    ink, scale = _with_min_stroke(ink)
    pixels = np.asarray(ink)
    mass = float(pixels.sum(dtype=np.int64))
    middle_x = float(pixels.sum(0, dtype=np.int64) @ (np.arange(ink.width) + 0.5)) / mass
    middle_y = float(pixels.sum(1, dtype=np.int64) @ (np.arange(ink.height) + 0.5)) / mass
    left, top = CENTRE_OF_MASS - middle_x / scale, CENTRE_OF_MASS - middle_y / scale
    if scale <= WHOLE_SHIFT_SCALE:
        left, top = round(left), round(top)
    # Wide enough for the resampling box to lie inside the padded picture.
    margin = int(np.ceil(INSTANCE_SIZE * scale)) + 1
    padded = Image.new("L", (ink.width + 2 * margin, ink.height + 2 * margin), 0)
    padded.paste(ink, (margin, margin))
    x, y, side = margin - left * scale, margin - top * scale, INSTANCE_SIZE * scale
    # One resampling both scales by area and shifts by a fraction of a pixel.
    instance = padded.resize(
        (INSTANCE_SIZE, INSTANCE_SIZE),
        Image.Resampling.BOX if scale >= 1 else Image.Resampling.BILINEAR,
        box=(x, y, x + side, y + side),
    )
    return np.asarray(instance, dtype=np.float32) / np.float32(255)


def _with_min_stroke(ink: Image.Image) -> tuple[Image.Image, float]:
    """Widens strokes that are thinner than MIN_STROKE; returns other ink as it is.

    Returns:
        The ink, and the number of its pixels to one pixel of the instance.
    """
    scale = max(ink.size) / DIGIT_BOX
    stroke = stroke_width(np.asarray(ink)) / scale  # in instance pixels
    if stroke >= MIN_STROKE or scale <= WHOLE_SHIFT_SCALE:
        return ink, scale
    # The widened ink must fill the digit box, so the thin ink gets a smaller one.
    thin_box = DIGIT_BOX - (MIN_STROKE - stroke)
    ink, factor = shrunk_for_widening(ink)
    scale = scale / factor * DIGIT_BOX / thin_box
    missing = MIN_STROKE * scale - stroke_width(np.asarray(ink))
    return dilated_by_disc(ink, missing / 2), scale
