"""Turns a picture into the 28x28 instance that a model version reads.

The site and the training use this one preparation, so that a model is asked what it was trained on.
"""

from serving.picture_files import NotAPicture, PictureError, PictureTooLarge
from serving.preprocessing.decode import MAX_PIXELS, decode_file, decode_picture
from serving.preprocessing.memory import DecodingBusy
from serving.preprocessing.normalisation import (
    INSTANCE_SIZE,
    PREPROCESSING_VERSION,
    BlankPicture,
    instance_png,
    to_instance,
)

__all__ = [
    "INSTANCE_SIZE",
    "MAX_PIXELS",
    "PREPROCESSING_VERSION",
    "BlankPicture",
    "DecodingBusy",
    "NotAPicture",
    "PictureError",
    "PictureTooLarge",
    "decode_file",
    "decode_picture",
    "instance_png",
    "to_instance",
]
