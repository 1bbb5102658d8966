"""Picture files are decoded, or refused with an error that says what would be right."""

import contextlib
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from serving.preprocessing import NotAPicture, PictureTooLarge, decode_picture, to_instance
from tests.harness.drawings import encoded
from tests.serving.preprocessing.drawings import difference, pens
from training.data import canvas


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"\x89PNG\r\n\x1a\n",
        encoded(Image.new("L", (64, 64)))[:60],
        encoded(Image.new("L", (64, 64)), "GIF"),
        encoded(Image.new("RGB", (64, 64)), "BMP"),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["empty", "text", "signature", "cut short", "GIF", "BMP", "SVG"],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(NotAPicture, match="PNG, JPEG or WebP"):
        decode_picture(data)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["PNG", "JPEG", "WEBP"]))
def test_damaged_files_are_read_or_refused(seed: int, file_format: str) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(encoded(canvas.clean(pens()[0]), file_format))
    for at in rng.integers(0, len(data), 8):
        data[at] = rng.integers(0, 256)
    with contextlib.suppress(NotAPicture, PictureTooLarge):
        decode_picture(bytes(data))


def test_the_size_is_checked_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("1", (6000, 6000), 1))
    small = encoded(Image.new("L", (20, 20)))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("was decoded"))
    with pytest.raises(PictureTooLarge, match="6000 x 6000"):
        decode_picture(data)
    with pytest.raises(PictureTooLarge, match="more than 100 pixels"):
        decode_picture(small, max_pixels=100)


def test_a_decompression_bomb_is_refused() -> None:
    data = bytearray(encoded(Image.new("1", (8, 8), 1)))
    at = data.index(b"IHDR")
    data[at + 4 : at + 12] = (60000).to_bytes(4) * 2

    data[at + 17 : at + 21] = zlib.crc32(data[at : at + 17]).to_bytes(4)
    with pytest.raises(PictureTooLarge):
        decode_picture(bytes(data))


def test_a_rotated_photograph_is_turned_upright() -> None:
    drawing = canvas.clean(pens()[20])
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees to see it upright
    lying = drawing.rotate(90, expand=True)
    upright = to_instance(decode_picture(encoded(lying, "JPEG", exif=exif, quality=95)))
    assert difference(to_instance(drawing), upright) < 0.1
