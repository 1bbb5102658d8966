"""Finds the ink on a picture: a greyscale picture where ink is bright and paper is 0.

Ink is whatever differs from the paper, so it does not matter which of the two is darker, or what
colour either has.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

# Less contrast between ink and paper than this, of 255, is a blank picture: compression and
# cameras make as much of bare paper.
MIN_CONTRAST = 16
# Below this share of the ink's contrast there is noise, if there is any: JPEG rings up to there.
NOISE_FLOOR = 0.12
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
    return _levelled(_difference(colours, _paper_colour(colours)))


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
    keep = _without_dust(_grown(holds_stroke), mass)
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
        sheet = Image.new("L", tuple(-(-length // factor) * factor for length in ink.size), 0)
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
    at_border = _border_median(np.asarray(colours))
    everywhere = tuple(_median(band.histogram()) for band in colours.split())
    if at_border == everywhere:
        return at_border
    shares = [_share_near(colours, paper) for paper in (at_border, everywhere)]
    return everywhere if shares[1] > 2 * shares[0] else at_border


def _border_median(pixels: NDArray[np.uint8]) -> tuple[int, ...]:
    height, width = pixels.shape[:2]
    ring = max(1, min(height, width) // 50)
    bands = pixels.reshape(height, width, -1)
    border = np.concatenate(
        [
            bands[:ring].reshape(-1, bands.shape[2]),
            bands[-ring:].reshape(-1, bands.shape[2]),
            bands[:, :ring].reshape(-1, bands.shape[2]),
            bands[:, -ring:].reshape(-1, bands.shape[2]),
        ]
    )
    middle = len(border) // 2
    return tuple(int(value) for value in np.partition(border, middle, axis=0)[middle])


def _median(histogram: list[int]) -> int:
    return int(np.searchsorted(np.cumsum(histogram), sum(histogram) / 2))


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


def _levelled(difference: Image.Image) -> Image.Image | None:
    """The difference with its ink brought to 255 and its noise to 0; None when it has no ink."""
    histogram = difference.histogram()
    strongest = max(level for level in range(256) if histogram[level])
    if strongest < MIN_CONTRAST:
        return None
    half = strongest // 2
    level = half + _median(histogram[half:])  # the ink's own: half of what is strong lies above
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


def _grown(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells and the eight around each."""
    padded = np.pad(cells, 1)
    wide = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    return wide[:-2] | wide[1:-1] | wide[2:]  # type: ignore[no-any-return]


def _without_dust(cells: NDArray[np.bool_], mass: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The connected groups of cells that have at least MIN_PART of the mass.

    Rows are bits of an integer, so that a group is flooded in a few sweeps.
    """
    columns = cells.shape[1]
    rows = [int("".join("1" if cell else "0" for cell in row), 2) for row in cells.tolist()]
    kept = np.zeros_like(cells)
    whole = int(mass[cells].sum(dtype=np.int64))
    first = True
    while any(rows):
        group = _flooded(rows)
        rows = [row & ~part for row, part in zip(rows, group, strict=True)]
        if first and not any(rows):
            return cells
        first = False
        text = "".join(format(part, f"0{columns}b") for part in group)
        member = (np.frombuffer(text.encode(), np.uint8) == ord("1")).reshape(cells.shape)
        if int(mass[member].sum(dtype=np.int64)) >= MIN_PART * whole:
            kept |= member
    return kept


def _flooded(rows: list[int]) -> list[int]:
    """The group of the first set cell."""
    start = next(index for index, row in enumerate(rows) if row)
    group = [0] * len(rows)
    group[start] = rows[start] & -rows[start]
    grew = True
    order = list(range(len(rows)))
    while grew:
        grew = False
        for index in order:
            reach = group[index]
            if index > 0:
                reach |= group[index - 1]
            if index + 1 < len(rows):
                reach |= group[index + 1]
            if not reach:
                continue
            while True:  # along the row, both ways
                wider = (reach | reach << 1 | reach >> 1) & rows[index] | group[index]
                if wider == reach:
                    break
                reach = wider
            if reach != group[index]:
                group[index] = reach
                grew = True
        order.reverse()
    return group
