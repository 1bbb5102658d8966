"""Extracts the ink of a picture: a greyscale picture where ink is bright and paper is 0.

Ink is whatever differs from the paper, whichever of the two is darker and whatever their colours.
"""

from functools import cache
from typing import Any

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
        return _stretched(colours, _histogram(colours))
    difference, histogram = _difference_from_paper(colours)
    if min(difference.size) >= PHOTOGRAPH_SIDE and _is_photograph(histogram):
        return photographs.extract_ink(colours)
    return _stretched(difference, histogram)


def _is_photograph(histogram: list[int]) -> bool:
    """True if much of the picture is neither paper nor ink: uneven light and camera noise.

    In a small picture the edges of ink are a large part, so it can't be told.
    """
    level = _ink_level(histogram)
    between = sum(histogram[MIN_CONTRAST // 2 : level // 2])
    return level >= MIN_CONTRAST and between > PHOTOGRAPH_SHARE * sum(histogram)


def _difference_from_paper(colours: Image.Image) -> tuple[Image.Image, list[int]]:
    """Returns each pixel's distance from the paper, and the histogram of these distances.

    The paper has the colour of the border, or that of most of the picture if it has a frame.
    """
    at_border = _border_median(colours)
    difference = _difference(colours, at_border)
    histogram = _histogram(difference)
    if 2 * histogram[0] > sum(histogram):
        return difference, histogram  # most pixels are at_border, so it is the median, too
    everywhere = tuple(_median(band.histogram()) for band in colours.split())
    if at_border == everywhere:
        return difference, histogram
    other = _difference(colours, everywhere)
    counts = _histogram(other)
    if sum(counts[:MIN_CONTRAST]) > 2 * sum(histogram[:MIN_CONTRAST]):
        return other, counts
    return difference, histogram


def _histogram(ink: Image.Image) -> list[int]:
    """Returns the histogram of L ink; the paper around it is counted, not gone through."""
    box = ink.getbbox()
    if box is None:
        return [ink.width * ink.height] + [0] * 255
    inner = ink.crop(box)
    histogram = inner.histogram()
    histogram[0] += ink.width * ink.height - inner.width * inner.height
    return histogram


def _border_median(colours: Image.Image) -> tuple[int, ...]:
    width, height = colours.size
    ring = max(1, min(height, width) // 50)
    sides = (
        (0, 0, width, ring),
        (0, height - ring, width, height),
        (0, 0, ring, height),
        (width - ring, 0, width, height),
    )
    strips = [colours.crop(side) for side in sides]
    extrema = {strip.getextrema() for strip in strips}
    if len(extrema) == 1 and (only := _only_colour(extrema.pop())):
        return only
    counts = [sum(of) for of in zip(*(strip.histogram() for strip in strips), strict=True)]
    return tuple(_median(counts[start : start + 256]) for start in range(0, len(counts), 256))


def _only_colour(extrema: tuple[Any, ...]) -> tuple[int, ...] | None:
    """Returns the colour of a picture with these extrema, of one band or of each; or None."""
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return tuple(low for low, _ in bands) if all(low == high for low, high in bands) else None


def _median(histogram: list[int]) -> int:
    half, below = sum(histogram) / 2, 0
    for level, count in enumerate(histogram):
        below += count
        if below >= half:
            return level
    return len(histogram) - 1


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
    half = next(level for level in range(255, -1, -1) if histogram[level]) // 2
    return half + _median(histogram[half:])


def _stretched(difference: Image.Image, histogram: list[int]) -> Image.Image | None:
    """Brings the ink of a difference to 255 and its noise to 0; returns None if it has no ink."""
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
    return difference.point(_stretching(level, floor))


@cache
def _stretching(level: int, floor: int) -> list[int]:
    """Returns the new grey of each; there are some 480 combinations."""
    gain = 255.0 / level
    return [0 if i <= floor else min(255, round(i * gain)) for i in range(256)]
