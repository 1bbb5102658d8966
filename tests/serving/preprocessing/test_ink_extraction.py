"""Ink is what differs from the paper, in every mode, colour and file format."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from serving.preprocessing import BlankPicture, decode_picture, to_instance
from tests.harness.drawings import encoded
from tests.serving.preprocessing.drawings import SAME, difference, pens
from training.data import canvas


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 29), st.integers(0, 255), st.integers(0, 255))
def test_polarity_and_grey_levels_do_not_matter(number: int, paper: int, pen: int) -> None:
    if abs(paper - pen) < 40:
        pen = (paper + 128) % 256
    drawing = canvas.clean(pens()[number])
    share = np.asarray(drawing, np.float32) / 255
    greys = Image.fromarray(np.rint(pen + (paper - pen) * share).astype(np.uint8))
    assert difference(to_instance(drawing), to_instance(greys)) < 0.05
    assert difference(to_instance(drawing), to_instance(ImageOps.invert(drawing))) < 0.01


def _rgba(drawing: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGBA", drawing.size, (*colour, 0))
    picture.putalpha(ImageOps.invert(drawing))
    return picture


def _sixteen_bits(drawing: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(drawing, np.uint16) * 257)


def _on_paper_with_round_corners(drawing: Image.Image) -> Image.Image:
    picture = drawing.convert("RGBA")
    alpha = np.full(drawing.size[::-1], 255, np.uint8)
    alpha[:30, :30] = alpha[-30:, :30] = alpha[:30, -30:] = alpha[-30:, -30:] = 0
    picture.putalpha(Image.fromarray(alpha))
    return picture


MODES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "1": lambda drawing: drawing.convert("1", dither=Image.Dither.NONE),
    "LA": lambda drawing: drawing.convert("LA"),
    "RGB": lambda drawing: drawing.convert("RGB"),
    "RGBA": lambda drawing: drawing.convert("RGBA"),
    "P": lambda drawing: drawing.convert("P"),
    "CMYK": lambda drawing: drawing.convert("CMYK"),
    "YCbCr": lambda drawing: drawing.convert("YCbCr"),
    "16 bits": _sixteen_bits,
    "32 bits": lambda drawing: drawing.convert("I"),
    "floats": lambda drawing: Image.fromarray(np.asarray(drawing, np.float32) / 255),
    "black ink on nothing": lambda drawing: _rgba(drawing, (0, 0, 0)),
    "white ink on nothing": lambda drawing: _rgba(drawing, (255, 255, 255)),
    "blue ink on nothing": lambda drawing: _rgba(drawing, (20, 60, 220)),
    "paper with transparent corners": _on_paper_with_round_corners,
    "transparent grey in a palette": lambda drawing: Image.open(
        io.BytesIO(encoded(drawing, transparency=255))
    ),
    "yellow on white": lambda drawing: ImageOps.colorize(drawing, (255, 235, 0), (255, 255, 255)),
    "red on green of equal lightness": lambda drawing: ImageOps.colorize(
        drawing, (220, 60, 60), (60, 150, 60)
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_the_same_instance(mode: str) -> None:
    drawing = canvas.clean(pens()[10])
    assert difference(to_instance(drawing), to_instance(MODES[mode](drawing))) < SAME


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("JPEG", {"quality": 30}), ("JPEG", {"quality": 90}), ("WEBP", {"quality": 60})],
)
@pytest.mark.parametrize("number", range(0, 30, 5))
def test_compression_artefacts_are_not_ink(
    number: int, file_format: str, options: dict[str, int]
) -> None:
    drawing = canvas.clean(pens()[number])
    read = to_instance(decode_picture(encoded(drawing, file_format, **options)))
    assert difference(to_instance(drawing), read) < (0.2 if options == {"quality": 30} else SAME)


def test_a_cmyk_jpeg_is_read() -> None:
    drawing = canvas.clean(pens()[4])
    read = to_instance(decode_picture(encoded(drawing.convert("CMYK"), "JPEG", quality=90)))
    assert difference(to_instance(drawing), read) < SAME


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (280, 280), 255),
        Image.new("RGB", (280, 280), (12, 90, 200)),
        Image.new("RGBA", (280, 280), (0, 0, 0, 0)),
        Image.new("RGBA", (280, 280), (255, 255, 255, 255)),
        Image.new("1", (28, 28), 1),
        Image.new("I;16", (64, 64), 40000),
        Image.new("L", (1, 1), 0),
        Image.new("L", (5000, 1), 255),
        Image.new("F", (20, 20), float("nan")),
    ],
)
def test_a_picture_of_one_colour_is_blank(picture: Image.Image) -> None:
    with pytest.raises(BlankPicture, match="blank"):
        to_instance(picture)
