"""Picture files are refused by their structure, before a pixel is decoded."""

import pytest
from PIL import Image

from serving.picture_files import NotAPicture, PictureTooLarge, read_picture_file
from tests.attacks.hostile_pictures import (
    animated_webp,
    drawing,
    encoded,
    hostile,
    jpeg_segments,
    png,
    png_chunk,
    repeated_scans,
)
from tests.harness.drawings import SEVEN


@pytest.fixture(autouse=True)
def _nothing_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_args, **_more: pytest.fail("was opened"))


@pytest.mark.parametrize("name", ["JPEG, 2,000 scans", "JPEG, 30,000 scans"])
def test_scans_are_counted(name: str) -> None:
    with pytest.raises(PictureTooLarge, match="more than 100 scans"):
        read_picture_file(hostile(name))
    assert read_picture_file(repeated_scans(side=100, scans=100)).width == 100


def test_scans_of_large_pictures_are_fewer() -> None:
    with pytest.raises(PictureTooLarge, match="too many scans for its 5000 x 5000"):
        read_picture_file(hostile("JPEG, 100 scans, 25 MP"))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\xff\xd8" + b"\xff\xfe\0\x02" * 3000 + b"\xff\xd9", "segments"),
        (png(side=9, bits=8, colour=0, before=png_chunk(b"tEXt") * 6000), "chunks"),
        (animated_webp(side=9, frames=6000), "chunks or frames"),
    ],
    ids=["JPEG", "PNG", "WebP"],
)
def test_parts_are_counted(data: bytes, word: str) -> None:
    with pytest.raises(PictureTooLarge, match=word):
        read_picture_file(data)


def test_other_jpegs_are_refused() -> None:
    data = encoded(drawing(40), "JPEG")
    at = data.index(b"\xff\xc0")
    arithmetic = data[: at + 1] + b"\xc9" + data[at + 2 :]
    with pytest.raises(NotAPicture, match="arithmetic"):
        read_picture_file(arithmetic)
    scan = next(piece for piece in jpeg_segments(data) if piece[1] == 0xDA)
    with pytest.raises(NotAPicture):
        read_picture_file(data[:2] + scan + b"\xff\xd9")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_every_cut_is_read_or_refused(file_format: str) -> None:
    data = encoded(drawing(40), file_format)
    for length in range(len(data)):
        try:
            assert len(read_picture_file(data[:length]).content) <= length
        except NotAPicture:
            continue


def test_the_headers_are_read() -> None:
    file = read_picture_file(SEVEN)
    assert (file.file_format, file.width, file.height, file.orientation) == ("PNG", 280, 280, 1)
    photograph = encoded(drawing(160).resize((160, 120)), "JPEG", progressive=True, subsampling=0)
    file = read_picture_file(photograph)
    assert (file.width, file.height, file.bytes_per_pixel) == (160, 120, 4)
    # 20 x 15 blocks in each of three components, 128 bytes a block.
    assert file.working_bytes == 3 * 20 * 15 * 128
