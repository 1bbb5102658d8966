"""Extracts the ink of a picture: a greyscale picture where ink is bright and paper is 0.

Ink is whatever differs from the paper, whichever of the two is darker and whatever their colours.
"""

from PIL import Image, ImageChops

from serving.preprocessing import photographs
from serving.preprocessing.flattening import flatten

# A picture with less contrast than this, of 255, is blank: compression and cameras alone produce
# that much on empty paper.
MIN_CONTRAST = 16
# Noise, if there is any, lies below this share of the ink's contrast: JPEG's ringing reaches it.
NOISE_FLOOR = 0.12
# A photograph has this share of pixels between paper and ink, and at least this side. Drawings
# have at most 1.1 %: the edges of strokes (measured on pens of 1 to 10 %, 140 and 280 pixels).
PHOTOGRAPH_SHARE = 0.10
PHOTOGRAPH_SIDE = 100


def extract_ink(picture: Image.Image) -> Image.Image | None:
    """Returns a greyscale picture of at most WORKING_SIDE, ink up to 255, paper 0.

    Returns None if there is no ink. The picture may have any mode and size.
    """
    colours, is_ink = flatten(picture)
    if is_ink:
        return _stretched(colours)
    difference = _difference(colours, _paper_colour(colours))
    if _is_photograph(difference):
        return photographs.extract_ink(colours)
    return _stretched(difference)


def _is_photograph(difference: Image.Image) -> bool:
    """True if much of the picture is neither paper nor ink: uneven light and camera noise."""
    if min(difference.size) < PHOTOGRAPH_SIDE:
        return False  # in a small picture the edges of ink are a large part
    histogram = difference.histogram()
    level = _ink_level(histogram)
    between = sum(histogram[MIN_CONTRAST // 2 : level // 2])
    return level >= MIN_CONTRAST and between > PHOTOGRAPH_SHARE * sum(histogram)


def _paper_colour(colours: Image.Image) -> tuple[int, ...]:
    """Returns the colour of the border, or that of most of the picture if it has a frame."""
    at_border = _border_median(colours)
    everywhere = tuple(_median(band.histogram()) for band in colours.split())
    if at_border == everywhere:
        return at_border
    shares = [_share_near(colours, paper) for paper in (at_border, everywhere)]
    return everywhere if shares[1] > 2 * shares[0] else at_border


def _border_median(colours: Image.Image) -> tuple[int, ...]:
    width, height = colours.size
    ring = max(1, min(height, width) // 50)
    sides = (
        (0, 0, width, ring),
        (0, height - ring, width, height),
        (0, 0, ring, height),
        (width - ring, 0, width, height),
    )
    counts = [sum(of) for of in zip(*(colours.crop(s).histogram() for s in sides), strict=True)]
    return tuple(_median(counts[start : start + 256]) for start in range(0, len(counts), 256))


def _median(histogram: list[int]) -> int:
    half, below = sum(histogram) / 2, 0
    for level, count in enumerate(histogram):
        below += count
        if below >= half:
            return level
    return len(histogram) - 1


def _share_near(colours: Image.Image, paper: tuple[int, ...]) -> float:
    histogram = _difference(colours, paper).histogram()
    return sum(histogram[:MIN_CONTRAST]) / sum(histogram)


def _difference(colours: Image.Image, paper: tuple[int, ...]) -> Image.Image:
    """Returns each pixel's distance from the paper, in the band where it is largest, as L."""
    if colours.mode == "L":
        if paper == (0,):
            return colours
        if paper == (255,):
            return ImageChops.invert(colours)
        return ImageChops.difference(colours, Image.new("L", colours.size, paper[0]))
    bands = ImageChops.difference(colours, Image.new("RGB", colours.size, paper)).split()
    return ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])


def _ink_level(histogram: list[int]) -> int:
    """The contrast of the ink: the median of the stronger half of the levels."""
    half = max(level for level in range(256) if histogram[level]) // 2
    return half + _median(histogram[half:])


def _stretched(difference: Image.Image) -> Image.Image | None:
    """Brings the ink of a difference to 255 and its noise to 0; returns None if it has no ink."""
    histogram = difference.histogram()
    level = _ink_level(histogram)
    if level < MIN_CONTRAST:
        return None
    floor = int(NOISE_FLOOR * level)
    # Ink's edges have all the greys between alike; where the faintest are the most, it is noise.
    faint, edge = sum(histogram[1 : floor + 1]), sum(histogram[floor + 1 : level - floor])
    if faint <= edge or faint * 50 < sum(histogram) - histogram[0]:
        floor = 0
    if level == 255 and not floor:
        return difference
    gain = 255.0 / level
    return difference.point([0 if i <= floor else min(255, round(i * gain)) for i in range(256)])
