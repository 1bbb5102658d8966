"""Decodes a picture file, within the memory that a process gives to decoding."""

import io

from PIL import Image

from serving.picture_files import NotAPicture, PictureFile, PictureTooLarge, read_picture_file
from serving.preprocessing.flattening import WORKING_SIDE, flatten, turned_upright
from serving.preprocessing.memory import Budget

# About what a phone's camera makes.
MAX_PIXELS = 25_000_000
# Memory for one picture: 100 MB are 25 million pixels of four bytes.
MAX_BYTES = 112_000_000
# Of a process. A picture of less than 4 MB, a million pixels, waits for nobody. Two may wait: a
# third would keep a thread from answering others, and would not get its turn in time.
MEMORY = Budget(total=MAX_BYTES, free=4_000_000, most_waiting=2, seconds=5)


def decode_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decodes the bytes of a picture file; see `decode_file`.

    Raises:
        NotAPicture, PictureTooLarge, DecodingBusy
    """
    return decode_file(read_picture_file(data), max_pixels=max_pixels)


def decode_file(file: PictureFile, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decodes a picture and turns it upright.

    The cost is known from the headers before any pixel is decoded. The mode stays as it is, except
    that a large picture is averaged down to at most WORKING_SIDE. Of an animation, the first frame
    is used.

    Raises:
        NotAPicture: its pixels are damaged.
        PictureTooLarge: it has more than `max_pixels`, or needs more than MAX_BYTES.
        DecodingBusy: other large pictures are being decoded.
    """
    size = f"The picture is {file.width} x {file.height}"
    smaller = "send a smaller one (1,000 x 1,000 is plenty)"
    if file.width * file.height > max_pixels:
        raise PictureTooLarge(f"{size} and so has more than {max_pixels:,} pixels; {smaller}.")
    needed = _bytes_needed(file)
    if needed > MAX_BYTES:
        raise PictureTooLarge(
            f"{size}; to decode it as this kind of {file.file_format} needs {needed / 1e6:.0f} MB "
            f"of memory, and at most {MAX_BYTES / 1e6:.0f} MB are given: {smaller}."
        )
    with MEMORY.reserved(needed):
        picture = _decoded(file)
        if needed <= MEMORY.free:
            return turned_upright(picture, file.orientation)
        flattened, is_ink = flatten(picture, orientation=file.orientation)
    if is_ink:
        return Image.merge("LA", (Image.new("L", flattened.size), flattened))
    return flattened


def _shrinking_factor(file: PictureFile) -> int:
    """Returns by how much the decoder itself shrinks: a JPEG, never below the working side."""
    if file.file_format != "JPEG":
        return 1
    most = min(file.width, file.height) // (2 * WORKING_SIDE)
    return max((factor for factor in (1, 2, 4, 8) if factor <= most), default=1)


def _bytes_needed(file: PictureFile) -> int:
    factor = _shrinking_factor(file)
    pixels = -(-file.width // factor) * -(-file.height // factor)
    return pixels * file.bytes_per_pixel + file.working_bytes


def _decoded(file: PictureFile) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(file.content), formats=[file.file_format])
        if picture.size != (file.width, file.height):
            raise NotAPicture
        factor = _shrinking_factor(file)
        if factor > 1:
            picture.draft(picture.mode, (file.width // factor, file.height // factor))
        picture.load()
        return picture
    # Pillow's decoders raise nearly any exception on damaged bytes.
    except Exception as error:
        raise NotAPicture from error
