"""Passes over a picture on its way to an instance, counted: times depend on the machine."""

import sys
from io import BytesIO
from types import FrameType
from typing import Any

import pytest
from PIL import Image

from serving.preprocessing import decode_picture, to_instance
from tests.harness.drawings import SEVEN, encoded

SIZE = (280, 280)  # of the page's drawings, and of SEVEN
CHEAP = {"pixel_access", "crop", "setmode"}  # no pass over all pixels
# What every drawing takes: the bounding box for the histogram, for specks and for the digit.
GREY = ["chop_invert", "getbbox", "getbbox", "getbbox", "reduce"]


def calls_of(picture: bytes) -> list[tuple[str, tuple[int, int] | None]]:
    """Returns the calls into Pillow's core for one picture, each with the size of its image."""
    calls: list[tuple[str, tuple[int, int] | None]] = []

    def note(_frame: FrameType, event: str, function: Any) -> None:
        owner = getattr(function, "__self__", None)
        if event == "c_call" and type(owner).__name__.startswith("Imaging"):
            calls.append((function.__name__, getattr(owner, "size", None)))

    to_instance(decode_picture(picture))  # imports, and fills the caches
    sys.setprofile(note)
    try:
        to_instance(decode_picture(picture))
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    ("mode", "passes", "copies"),
    [
        # Copies are made for NumPy: a coarse grid of blocks, and three crops of the ink.
        ("L", GREY, 5),
        # A browser's canvas: the bands are compared, and all of the opacity is looked at.
        ("RGBA", ["getband", "split", *GREY], 9),
    ],
)
def test_a_drawing_takes_few_passes(mode: str, passes: list[str], copies: int) -> None:
    with Image.open(BytesIO(SEVEN)) as seven:
        picture = encoded(seven.convert(mode))
    calls = calls_of(picture)
    names = [name for name, _ in calls]
    assert names.count("decode") == 1
    assert sorted(name for name, size in calls if size == SIZE and name not in CHEAP) == sorted(
        passes
    )
    assert names.count("setimage") == 1 + copies  # of the decoder, and of what copies for NumPy
