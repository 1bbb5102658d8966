"""Pictures of a digit to send to the site."""

import json
from io import BytesIO

from PIL import Image, ImageDraw

from tests.harness import ROOT

SEVEN = (ROOT / "tests" / "data" / "seven.png").read_bytes()  # drawn on the page by hand


def draw_seven(size: int = 280, *, format: str = "PNG") -> bytes:
    """Return the encoded picture of a 7 in black on white, `size` pixels wide and high."""
    image = Image.new("L", (size, size), 255)
    points = [(size * x // 28, size * y // 28) for x, y in ((8, 7), (20, 7), (12, 22))]
    ImageDraw.Draw(image).line(points, fill=0, width=max(1, size * 2 // 25), joint="curve")
    return encoded(image, format)


def blank_picture(size: int = 64) -> bytes:
    """Return a white PNG."""
    return encoded(Image.new("L", (size, size), 255), "PNG")


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """Return the bytes of an image file, written with Pillow's options."""
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def same_pixels(one: Image.Image, other: Image.Image) -> bool:
    """True if two pictures have the same mode, size and pixels."""
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


def recorded_strokes() -> dict[str, list[list[list[int]]]]:
    """Return one person's strokes for each digit (UNIPEN, see the file)."""
    kept = json.loads((ROOT / "tests" / "data" / "strokes.json").read_text())["digits"]
    return {one["label"]: one["strokes"] for one in reversed(kept)}
