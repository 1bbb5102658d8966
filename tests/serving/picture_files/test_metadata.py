"""Metadata is dropped without touching the pixels; the picture looks the same."""

import io
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from serving.picture_files import read_picture_file
from serving.picture_files.colour_profile import colours_only
from tests.attacks.hostile_pictures import animated_webp, drawing, encoded, png_chunk
from tests.harness.drawings import SEVEN, same_pixels

SECRET = b"SECRET 48.8584 N 2.2945 E"
TEXT = SECRET.decode()
XMP = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d">
{TEXT}</rdf:Description></x:xmpmeta>"""
GPS, MODEL, ORIENTATION = 0x8825, 0x0110, 0x0112


def exif(orientation: int = 1) -> Image.Exif:
    block = Image.Exif()
    block[ORIENTATION] = orientation
    block[MODEL] = TEXT
    block.get_ifd(GPS)[29] = TEXT
    return block


def profile() -> bytes:
    """Returns a colour profile of colours far from sRGB's, with texts."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = made.replace(b"rXYZ", b"xxxx", 1).replace(b"gXYZ", b"rXYZ", 1)
    return swapped.replace(b"xxxx", b"gXYZ", 1)


def options(file_format: str, orientation: int) -> dict[str, Any]:
    """Returns everything that Pillow can write beside the pixels."""
    chosen: dict[str, Any] = {"exif": exif(orientation), "icc_profile": profile()}
    if file_format == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Author", TEXT)
        texts.add_text("Comment", TEXT, zip=True)
        texts.add_itxt("XML:com.adobe.xmp", XMP % 1)
        return {**chosen, "pnginfo": texts}
    if file_format == "JPEG":
        chosen["comment"] = TEXT
    return {**chosen, "xmp": (XMP % 1).encode()}


def upright(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data)))


def corner_picture() -> Image.Image:
    """Returns a picture without any symmetry."""
    picture = drawing(64).resize((64, 40))
    picture.paste((250, 0, 0), (0, 0, 20, 10))
    return picture


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_metadata_is_dropped_and_the_picture_looks_the_same(
    file_format: str, orientation: int
) -> None:
    data = encoded(corner_picture(), file_format, **options(file_format, orientation))
    file = read_picture_file(data)
    assert file.orientation == orientation
    kept = Image.open(io.BytesIO(file.content))
    assert same_pixels(upright(data), upright(file.content))
    assert SECRET not in file.content
    assert "comment" not in kept.info
    assert "xmp" not in kept.info
    assert not getattr(kept, "text", {})
    assert dict(kept.getexif()) == ({} if orientation == 1 else {ORIENTATION: orientation})
    colours = [
        ImageCms.profileToProfile(
            picture.convert("RGB"), io.BytesIO(icc), ImageCms.createProfile("sRGB")
        )
        for picture, icc in (
            (Image.open(io.BytesIO(data)), profile()),
            (kept, kept.info["icc_profile"]),
        )
    ]
    assert colours[0] is not None
    assert colours[1] is not None
    assert same_pixels(colours[0], colours[1])
    assert not same_pixels(colours[0], kept.convert("RGB"))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_without_metadata_stays_as_it_is(file_format: str) -> None:
    for options in ({}, {"quality": 80, "progressive": True}):
        data = encoded(corner_picture(), file_format, **options)
        assert read_picture_file(data).content == data
    assert read_picture_file(SEVEN).content == SEVEN
    # Reading it again changes nothing.
    once = read_picture_file(encoded(corner_picture(), file_format, exif=exif(6))).content
    assert read_picture_file(once).content == once


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_bytes_behind_the_end_are_dropped(file_format: str) -> None:
    data = encoded(corner_picture(), file_format)
    assert read_picture_file(data + SECRET * 10).content == data


def test_thumbnails_and_further_frames_are_dropped() -> None:
    jpeg = encoded(corner_picture(), "JPEG")
    with_thumbnail = (
        jpeg[:4]
        + (16 + 3 * 20 * 20).to_bytes(2)
        + jpeg[6:18]
        + b"\x14\x14"
        + SECRET * 48
        + jpeg[20:]
    )
    assert SECRET not in read_picture_file(with_thumbnail).content
    frames = [corner_picture(), corner_picture().rotate(90)]
    animated = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    kept = Image.open(io.BytesIO(read_picture_file(animated).content))
    assert getattr(kept, "n_frames", 1) == 1
    assert same_pixels(kept, frames[0])
    kept = Image.open(io.BytesIO(read_picture_file(animated_webp(side=30, frames=9)).content))
    assert kept.n_frames == 1  # type: ignore[attr-defined]
    assert kept.convert("RGB").getpixel((3, 3)) == (200, 0, 0)


def test_the_orientation_may_be_in_xmp() -> None:
    data = encoded(corner_picture(), "JPEG", xmp=(XMP % 8).encode())
    assert read_picture_file(data).orientation == 8


@pytest.mark.parametrize(
    "block",
    [b"", b"MM\0*", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"MM\0*" + bytes(40)],
)
def test_damaged_exif_turns_nothing(block: bytes) -> None:
    data = SEVEN[:33] + png_chunk(b"eXIf", block) + SEVEN[33:]
    file = read_picture_file(data)
    assert (file.orientation, file.content) == (1, SEVEN)


@pytest.mark.parametrize("cut", [0, 36, 127, 131, 150, 400])
def test_damaged_profiles_are_dropped(cut: int) -> None:
    assert colours_only(profile()[:cut]) is None
