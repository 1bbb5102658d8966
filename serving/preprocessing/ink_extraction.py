"""Finds the ink on a picture: a greyscale picture where ink is bright and paper is 0.

Ink is whatever differs from the paper, so it does not matter which of the two is darker, or what
colour either has.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from serving.preprocessing import photographs
from serving.preprocessing.connected_components import groups, grown

# Less contrast between ink and paper than this, of 255, is a blank picture: compression and
# cameras make as much of bare paper.
MIN_CONTRAST = 16
# Below this share of the ink's contrast there is noise, if there is any: JPEG rings up to there.
NOISE_FLOOR = 0.12
# A photograph has this share of pixels between paper and ink, and at least this side. Drawings
# have at most 1.1 %: the edges of strokes (measured on pens of 1 to 10 %, 140 and 280 pixels).
PHOTOGRAPH_SHARE = 0.10
PHOTOGRAPH_SIDE = 100
BLOCKS = 32  # a picture is searched for specks in this many blocks a side
# A block holds a stroke when a line of one pixel crosses this share of it.
STROKE_IN_BLOCK = 0.35
# A part of the ink that lies apart and has less of its mass than this is dust.
MIN_PART = 0.008


def find_ink(picture: Image.Image, *, working_side: int) -> Image.Image | None:
    """A greyscale picture, ink up to 255, paper 0; None when there is no ink.

    Args:
        picture: any mode and size.
        working_side: a larger picture is averaged down until its longest side is at most this.
    """
    colours, alpha = _colours(picture)
    if alpha is not None:
        ink = _ink_on_transparency(colours, alpha)
        if ink is not None:
            return _levelled(_shrunk(ink, working_side))
        colours = _flattened(colours, alpha)
    colours = _shrunk(colours, working_side)
    difference = _difference(colours, _paper_colour(colours))
    if _is_photograph(difference):
        return photographs.find_ink(colours)
    return _levelled(difference)


def _is_photograph(difference: Image.Image) -> bool:
    """Whether much of the picture is neither paper nor ink, as light and grain make it."""
    if min(difference.size) < PHOTOGRAPH_SIDE:
        return False  # of a small picture the edges of ink are a large part
    histogram = difference.histogram()
    level = _ink_level(histogram)
    between = sum(histogram[MIN_CONTRAST // 2 : level // 2])
    return level >= MIN_CONTRAST and between > PHOTOGRAPH_SHARE * sum(histogram)


def stroke_width(ink: NDArray[np.uint8]) -> float:
    """The mean width of the strokes, in pixels; of a filled shape about half its diameter.

    Area over length: a line's area is width times length, and its total variation
    sum(|dx| + |dy|) is twice its length times |sin| + |cos| of its direction, 4 / pi on average.

    Args:
        ink: (h, w), 0..255, at least one pixel above 0.
    """
    padded = np.zeros((ink.shape[0] + 2, ink.shape[1] + 2), np.int16)
    padded[1:-1, 1:-1] = ink
    variation = int(np.abs(np.diff(padded, axis=0)).sum(dtype=np.int64)) + int(
        np.abs(np.diff(padded, axis=1)).sum(dtype=np.int64)
    )
    return 8.0 / np.pi * float(ink.sum(dtype=np.int64)) / max(variation, 1)


def without_specks(ink: Image.Image) -> Image.Image | None:
    """The ink without dust; None when there is nothing but dust.

    Works on blocks: a speck is a block without a stroke's worth of ink and no such block beside
    it, or a group of blocks with hardly any of the whole ink.
    """
    block = -(-max(ink.size) // BLOCKS)
    mass = np.asarray(ink.reduce(block) if block > 1 else ink)  # mean of each block, 0..255
    holds_stroke = mass >= min(255.0, 255 * STROKE_IN_BLOCK / block)
    if block == 1:
        holds_stroke = mass > 0
    if not holds_stroke.any():
        return None
    keep = _without_dust(grown(holds_stroke), mass)
    if not (mass[~keep] > 0).any() and block > 1 and not _hidden(ink, keep, block):
        return ink
    mask = np.repeat(np.repeat(keep, block, 0), block, 1)[: ink.height, : ink.width]
    return Image.fromarray(np.where(mask, np.asarray(ink), np.uint8(0)))


def _hidden(ink: Image.Image, keep: NDArray[np.bool_], block: int) -> bool:
    """Whether ink too faint to show in the mean of its block lies outside the kept ones."""
    box = ink.getbbox()
    rows, columns = np.flatnonzero(keep.any(1)), np.flatnonzero(keep.any(0))
    if box is None:
        return False
    return bool(
        box[0] < columns[0] * block
        or box[1] < rows[0] * block
        or box[2] > (columns[-1] + 1) * block
        or box[3] > (rows[-1] + 1) * block
    )


def shrunk_and_full(ink: Image.Image, *, side: int) -> tuple[Image.Image, int]:
    """Ink averaged down by a whole factor to about `side`, its lines as strong as they were.

    A line narrower than the factor would come out grey: it is as strong as it is narrow. Returns
    the ink and the factor.
    """
    factor = max(1, max(ink.size) // side)
    if factor > 1:
        # Whole blocks only: the last one would be averaged over fewer pixels.
        width, height = (-(-length // factor) * factor for length in ink.size)
        sheet = Image.new("L", (width, height), 0)
        sheet.paste(ink)
        ink = sheet.reduce(factor)
    return _full(ink), factor


def _full(ink: Image.Image) -> Image.Image:
    """Brings the middle of lines to 255."""
    histogram = ink.histogram()
    histogram[0] = 0
    strongest = max(level for level in range(256) if histogram[level])
    above = np.cumsum(histogram[strongest // 2 :])
    level = strongest // 2 + int(np.searchsorted(above, above[-1] / 2))
    return ink if level >= 255 else ink.point([min(255, i * 255 // level) for i in range(256)])


def widened(ink: Image.Image, radius: float) -> Image.Image:
    """Grey dilation by a disc; a radius between two whole ones is a mixture of both."""
    if radius <= 0:
        return ink
    whole = int(radius)
    margin = whole + 1
    sheet = np.zeros((ink.height + 4 * margin, ink.width + 4 * margin), np.uint8)
    sheet[2 * margin : -2 * margin, 2 * margin : -2 * margin] = np.asarray(ink)
    inner, outer = _dilated(sheet, whole, margin), _dilated(sheet, whole + 1, margin)
    share = radius - whole
    return Image.fromarray(np.rint(inner * (1 - share) + outer * share).astype(np.uint8))


def _dilated(sheet: NDArray[np.uint8], radius: int, margin: int) -> NDArray[np.uint8]:
    """The largest value within `radius` of each pixel, of the sheet less `margin` each side."""
    height, width = (length - 2 * margin for length in sheet.shape)
    largest = np.zeros((height, width), np.uint8)
    reach = (radius + 0.3) ** 2  # 0.3: rounder than a plus at radius 1, no corners at 2
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy <= reach:
                top, left = margin + dy, margin + dx
                np.maximum(largest, sheet[top : top + height, left : left + width], out=largest)
    return largest


# ---------------------------------------------------------------- colours and paper


def _colours(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The picture as L or RGB, and its transparency as L when any of it is transparent."""
    mode = picture.mode
    if mode in ("L", "RGB") and "transparency" not in picture.info:
        return picture, None
    if mode.startswith("I") or mode == "F":
        return _eight_bits(picture), None
    if mode == "1":
        return picture.convert("L"), None
    if mode in ("LA", "La", "PA", "RGBa", "RGBA") or "transparency" in picture.info:
        rgba = picture if mode == "RGBA" else picture.convert("RGBA")
        alpha = rgba.getchannel("A")
        colours = rgba.convert("RGB")
        return colours, None if alpha.getextrema() == (255, 255) else alpha
    return picture.convert("RGB"), None


def _eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit, 32-bit and floating-point greys, spread over 0..255 as they fill their range."""
    values = np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if picture.mode != "F" and low >= 0 and high <= 65535:
        low, high = (0.0, 255.0) if high <= 255 else (0.0, 65535.0)
    span = max(high - low, 1e-9)
    return Image.fromarray(((values - low) * (255.0 / span)).astype(np.uint8))


def _ink_on_transparency(colours: Image.Image, alpha: Image.Image) -> Image.Image | None:
    """The opacity itself, when all that is opaque has one colour: ink of any colour on nothing.

    None when the opaque part has paper of its own.
    """
    opaque = np.asarray(alpha) >= 128
    if not opaque.any():
        return alpha  # the faintest ink there is; blank is decided by contrast
    if opaque.all():
        return None
    seen = np.asarray(colours)[opaque]  # (n, 3)
    low, high = np.percentile(seen, (5, 95), axis=0)
    return alpha if float((high - low).max()) < 64 else None


def _flattened(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    """The opaque part on its own paper's colour, or on white or black if it has none."""
    opaque = np.asarray(alpha) >= 128
    seen = np.asarray(colours)[opaque]
    if opaque.mean() > 0.5:
        paper = tuple(int(value) for value in np.median(seen, axis=0))
    else:
        paper = (255,) * 3 if float(seen.mean()) < 128 else (0,) * 3
    sheet = Image.new("RGB", colours.size, paper)
    sheet.paste(colours, mask=alpha)
    return sheet


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    factor = -(-max(picture.size) // side)
    return picture.reduce(factor) if factor > 1 else picture


def _paper_colour(colours: Image.Image) -> tuple[int, ...]:
    """The colour at the border, unless most of the picture has another (a frame, a scan's edge)."""
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
    """How far each pixel is from the paper in the band where it is farthest; L."""
    if colours.mode == "L":
        if paper == (0,):
            return colours
        if paper == (255,):
            return ImageChops.invert(colours)
        return ImageChops.difference(colours, Image.new("L", colours.size, paper[0]))
    bands = ImageChops.difference(colours, Image.new("RGB", colours.size, paper)).split()
    return ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])


def _ink_level(histogram: list[int]) -> int:
    """The ink's own contrast: half of what is strong lies above it."""
    half = max(level for level in range(256) if histogram[level]) // 2
    return half + _median(histogram[half:])


def _levelled(difference: Image.Image) -> Image.Image | None:
    """The difference with its ink brought to 255 and its noise to 0; None when it has no ink."""
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


# ---------------------------------------------------------------- dust


def _without_dust(cells: NDArray[np.bool_], mass: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The connected groups of cells that have at least MIN_PART of the mass."""
    found = list(groups(cells))
    if len(found) == 1:
        return cells
    least = MIN_PART * int(mass[cells].sum(dtype=np.int64))
    kept = np.zeros_like(cells)
    for member in found:
        if int(mass[member].sum(dtype=np.int64)) >= least:
            kept |= member
    return kept
