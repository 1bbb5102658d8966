"""Extracts ink from a photograph: uneven light, shadows, noise, ruled lines, a pen of any colour.

The paper of a drawing has one colour; that of a photograph differs from place to place, so ink is
what is darker (or, on a blackboard, lighter) than the paper around it. docs/preprocessing.md lists
the limits.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from serving.preprocessing.connected_components import connected_components
from serving.preprocessing.dilation import dilated

CELLS = 40  # the paper's brightness is measured in this many cells along the longest side
WINDOW = 9  # cells: more paper than stroke, for strokes up to a tenth of a side
NOISE = 3.5  # standard deviations: larger differences from the paper are not camera noise
FAINTEST = 14  # of 255: smaller differences from the paper are not ink
LINE_COVER = 0.55  # a ruled line is ink along this share of the picture, a digit's bar is not
LINE_SLOPES = np.linspace(-0.12, 0.12, 25).tolist()  # up to about 7 degrees
LINE_SIDE = 150  # lines are first searched for at about this size
LINE_THICKEST = 0.02  # of the side
MIN_PART = 0.03  # a part of the ink with less of its mass is a stain or the remains of a line


def extract_ink(colours: Image.Image) -> Image.Image | None:
    """Returns a greyscale picture, ink up to 255, paper 0; None if there is no ink.

    Args:
        colours: L or RGB, at least 100 pixels a side.
    """
    contrast = _contrast(colours)
    if contrast is None:
        return None
    ink = _thresholded(contrast)
    ink = _without_ruled_lines(ink)
    ink = _without_ruled_lines(ink.T).T
    ink = _without_surroundings(np.ascontiguousarray(ink))
    return Image.fromarray(ink) if ink.any() else None


def _contrast(colours: Image.Image) -> NDArray[np.float32] | None:
    """Returns how much darker (on a blackboard, lighter) than its paper each pixel is, 0..255."""
    # By Pillow: over the three values of a pixel NumPy takes twenty times as long.
    bands = colours.split()
    # In the darkest band, a pen of any colour is darker than white paper.
    dark = np.asarray(reduce(ImageChops.darker, bands), np.float32)
    paper = _paper_around(dark)
    darker = np.asarray(np.clip(1.0 - dark / np.maximum(paper, 1.0), 0.0, 1.0) * 255, np.float32)
    light = np.asarray(reduce(ImageChops.lighter, bands), np.float32)
    board = _paper_around(light)
    lighter = np.asarray(np.clip(light - board, 0.0, 255.0), np.float32)
    # Paper is light and a blackboard dark; for a brightness in between, the larger mass is ink.
    middle = float(np.median(light))
    if middle >= 140 or (middle >= 80 and _mass(darker) >= _mass(lighter)):
        chosen, noise = darker, np.abs(1.0 - dark / np.maximum(paper, 1.0)) * 255
    else:
        chosen, noise = lighter, np.abs(light - board)
    # 1.4826: standard deviations of a normal distribution to one median absolute deviation.
    floor = max(FAINTEST, NOISE * 1.4826 * float(np.median(noise)))
    chosen[chosen < floor] = 0
    return chosen.astype(np.float32) if chosen.any() else None


def _mass(contrast: NDArray[np.float32]) -> float:
    return float(contrast[contrast > 40].sum())


def _paper_around(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The brightness of the paper at each pixel: medians of cells, then of the cells around."""
    height, width = pixels.shape
    cell = max(1, -(-max(height, width) // CELLS))
    rows, columns = -(-height // cell), -(-width // cell)
    whole = np.pad(
        pixels, ((0, rows * cell - height), (0, columns * cell - width)), mode="symmetric"
    )
    cells = whole.reshape(rows, cell, columns, cell).transpose(0, 2, 1, 3)
    medians = np.median(cells.reshape(rows, columns, -1), axis=2)
    around = np.pad(medians, WINDOW // 2, mode="reflect" if min(rows, columns) > 4 else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, (WINDOW, WINDOW))
    smooth = np.median(windows.reshape(rows, columns, -1), axis=2).astype(np.float32)
    large = Image.fromarray(smooth).resize((columns * cell, rows * cell), Image.Resampling.BICUBIC)
    return np.asarray(large, np.float32)[:height, :width]


def _thresholded(contrast: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Ink without anything much fainter (ruled lines, shadows); its edges stay soft."""
    strong = contrast[contrast > 0]
    histogram = np.bincount(strong.astype(np.uint8), minlength=256).astype(np.float64)
    limit = _otsu(histogram)
    level = float(np.median(strong[strong >= limit]))
    low = min(0.5 * level, limit)
    ink = np.clip((contrast - low) / max(level - low, 1.0), 0.0, 1.0)
    levels: NDArray[np.uint8] = np.rint(ink * 255).astype(np.uint8)
    return levels


def _otsu(histogram: NDArray[np.float64]) -> int:
    """The level that splits a histogram with the largest between-class variance (Otsu, 1979)."""
    below = np.cumsum(histogram)
    moment = np.cumsum(histogram * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment[-1] * below / below[-1] - moment) ** 2 / (below * above)
    return int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))


def _without_ruled_lines(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Removes straight lines across the picture that are horizontal or slightly tilted."""
    height, width = ink.shape
    coarse = max(1, max(height, width) // LINE_SIDE)
    small = np.asarray(Image.fromarray(ink).reduce(coarse)) > 100 / coarse
    slope = max(LINE_SLOPES, key=lambda slope: float(_cover(small, slope).max()))
    if _cover(small, slope).max() < LINE_COVER:
        return ink
    # The coarse slope would blur a line: finer slopes near it are tried at full size.
    near = slope + np.linspace(-0.01, 0.01, 5)
    slope = max(near, key=lambda slope: float(_cover(ink > 100, slope).max()))
    cover = _cover(ink > 100, slope)
    thickest = max(3, round(LINE_THICKEST * max(height, width)))
    cleared = ink.copy()
    for start, end in _runs(cover >= LINE_COVER / 2):
        if cover[start:end].max() < LINE_COVER or end - start > thickest:
            continue
        _clear_line(ink, cleared, start - 1, end + 1, slope)
    return cleared


def _cover(marked: NDArray[np.bool_], slope: float) -> NDArray[np.float64]:
    """The share of each tilted row that is ink; a row's number is that at the left border.

    Columns are shifted in bands across which the tilt is less than a pixel.
    """
    height, width = marked.shape
    band = max(1, min(width, int(1 / max(abs(slope), 1e-3))))
    starts = np.arange(0, width, band)
    counts = np.add.reduceat(marked, starts, axis=1, dtype=np.int32)  # (height, bands)
    total = np.zeros(height)
    for index, start in enumerate(starts):
        shift = round(slope * (start + min(band, width - start) / 2))
        from_row, to_row = max(0, shift), min(height, height + shift)
        total[from_row - shift : to_row - shift] += counts[from_row:to_row, index]
    cover: NDArray[np.float64] = total / width
    return cover


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each run of set values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _clear_line(
    ink: NDArray[np.uint8], cleared: NDArray[np.uint8], start: int, end: int, slope: float
) -> None:
    """Clears the tilted rows `start` to `end` of `cleared`, except where strokes cross them."""
    height, width = ink.shape
    columns = np.arange(width)
    shift = np.rint(slope * columns).astype(int)

    def at(row: int) -> NDArray[np.bool_]:
        rows = row + shift
        inside = (rows >= 0) & (rows < height)
        found = (ink[np.clip(rows, 0, height - 1), columns] > 100) & inside
        # A stroke may cross at an angle.
        near: NDArray[np.bool_] = found | np.roll(found, 2) | np.roll(found, -2)
        return near

    crossed = (at(start - 1) | at(start - 2)) & (at(end) | at(end + 1))
    for row in range(start, end):
        rows = row + shift
        removed = (rows >= 0) & (rows < height) & ~crossed
        cleared[rows[removed], columns[removed]] = 0


def _without_surroundings(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Removes stains, and parts that touch the border (the desk, the next line of text)."""
    height, width = ink.shape
    cell = max(1, -(-max(height, width) // (2 * CELLS)))
    mass = np.asarray(Image.fromarray(ink).reduce(cell) if cell > 1 else ink, np.float64)
    components = connected_components(mass > 255 / (2 * cell))
    parts = [(component, float(mass[component].sum())) for component in components]
    if not parts:
        return np.zeros_like(ink)
    inner = [
        (part, weight)
        for part, weight in parts
        if not (part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any())
    ]
    # A digit that fills the photograph touches the border too; then every part is kept.
    if sum(weight for _, weight in inner) < 0.1 * max(weight for _, weight in parts):
        inner = parts
    heaviest = max(weight for _, weight in inner)
    keep = np.zeros(mass.shape, bool)
    for part, weight in inner:
        if weight >= MIN_PART * heaviest:
            keep |= part
    keep = dilated(keep, diagonals=False)
    mask = np.repeat(np.repeat(keep, cell, 0), cell, 1)[:height, :width]
    return np.where(mask, ink, np.uint8(0))
