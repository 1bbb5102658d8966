"""Turns a picture into the 28x28 instance that a model version reads.

The only preparation there is, for the site and for training alike.
"""

from serving.preprocessing.normalisation import (
    INSTANCE_SIZE,
    MAX_PIXELS,
    PREPROCESSING_VERSION,
    BlankPicture,
    NotAPicture,
    PictureError,
    PictureTooLarge,
    decode_picture,
    instance_png,
    to_instance,
)

__all__ = [
    "INSTANCE_SIZE",
    "MAX_PIXELS",
    "PREPROCESSING_VERSION",
    "BlankPicture",
    "NotAPicture",
    "PictureError",
    "PictureTooLarge",
    "decode_picture",
    "instance_png",
    "to_instance",
]
