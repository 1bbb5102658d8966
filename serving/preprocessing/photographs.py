"""Finds ink on a photograph: uneven light, shadows, grain, ruled lines, a pen of any colour.

A drawing's paper has one colour; a photograph's has another at every place, so ink is what is
darker (or, on a blackboard, lighter) than the paper *around it*. docs/preprocessing.md says what
this can't do.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.preprocessing.connected_components import groups

CELLS = 40  # the paper's brightness is looked at in this many cells along the longest side
WINDOW = 9  # cells: the paper around a stroke must outweigh it, for strokes up to a tenth of a side
GRAIN = 3.5  # standard deviations: darker than the paper by more is no grain of the camera's
FAINTEST = 14  # of 255: darker than the paper by less is no ink
LINE_COVER = 0.55  # a ruled line is ink along this share of the picture, a digit's bar is not
LINE_SLOPES = np.linspace(-0.12, 0.12, 25).tolist()  # either way, about 7 degrees
LINE_SIDE = 150  # lines are first looked for at about this size
LINE_THICKEST = 0.02  # of the side
MIN_PART = 0.03  # a part of the ink with less of its mass is a stain or a rest of a line


def find_ink(colours: Image.Image) -> Image.Image | None:
    """A greyscale picture, ink up to 255, paper 0; None when there is none.

    Args:
        colours: L or RGB, at least 100 pixels a side.
    """
    contrast = _contrast(colours)
    if contrast is None:
        return None
    ink = _cut(contrast)
    if ink is None:
        return None
    ink = _without_ruled_lines(ink)
    ink = _without_ruled_lines(ink.T).T
    ink = _without_surroundings(np.ascontiguousarray(ink))
    return Image.fromarray(ink) if ink.any() else None


def _contrast(colours: Image.Image) -> NDArray[np.float32] | None:
    """How much darker than its surrounding paper each pixel is, 0..255; lighter on a blackboard."""
    pixels = np.asarray(colours, np.float32)
    # The darkest band: in it a pen of any colour is darker than white paper.
    dark = pixels.min(axis=2) if pixels.ndim == 3 else pixels
    paper = _surrounding(dark)
    darker = np.asarray(np.clip(1.0 - dark / np.maximum(paper, 1.0), 0.0, 1.0) * 255, np.float32)
    light = pixels.max(axis=2) if pixels.ndim == 3 else pixels
    board = _surrounding(light)
    lighter = np.asarray(np.clip(light - board, 0.0, 255.0), np.float32)
    # Paper is light and a board dark; only where the brightness leaves it open, ink's mass tells.
    middle = float(np.median(light))
    if middle >= 140 or (middle >= 80 and _mass(darker) >= _mass(lighter)):
        chosen, grain = darker, np.abs(1.0 - dark / np.maximum(paper, 1.0)) * 255
    else:
        chosen, grain = lighter, np.abs(light - board)
    # 1.4826: the median absolute deviation of a normal distribution in standard deviations.
    floor = max(FAINTEST, GRAIN * 1.4826 * float(np.median(grain)))
    chosen[chosen < floor] = 0
    return chosen.astype(np.float32) if chosen.any() else None


def _mass(contrast: NDArray[np.float32]) -> float:
    return float(contrast[contrast > 40].sum())


def _surrounding(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The paper under and around each pixel: medians of cells, then of the cells around them."""
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


def _cut(contrast: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Ink apart from what is faint beside it (ruled lines, shadows), its edges kept soft."""
    strong = contrast[contrast > 0]
    histogram = np.bincount(strong.astype(np.uint8), minlength=256).astype(np.float64)
    limit = _otsu(histogram)
    level = float(np.median(strong[strong >= limit]))
    low = min(0.5 * level, limit)
    ink = np.clip((contrast - low) / max(level - low, 1.0), 0.0, 1.0)
    return np.rint(ink * 255).astype(np.uint8)


def _otsu(histogram: NDArray[np.float64]) -> int:
    """The level that parts a histogram with the largest variance between (Otsu, 1979)."""
    below = np.cumsum(histogram)
    moment = np.cumsum(histogram * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment[-1] * below / below[-1] - moment) ** 2 / (below * above)
    return int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))


# ---------------------------------------------------------------- lines and surroundings


def _without_ruled_lines(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Ink without straight lines that run across the picture, level or a little aslant."""
    height, width = ink.shape
    coarse = max(1, max(height, width) // LINE_SIDE)
    small = np.asarray(Image.fromarray(ink).reduce(coarse)) > 100 / coarse
    slope = max(LINE_SLOPES, key=lambda slope: float(_cover(small, slope).max()))
    if _cover(small, slope).max() < LINE_COVER:
        return ink
    # Coarse slopes and rows would blur a line: its neighbours, then each row on its own.
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
    """The share of each sloping row that is ink; rows are counted at the left border.

    Columns move together in bands in which the slope makes less than a pixel.
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
    return total / width


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where a mask is set: (start, end) of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _clear_line(
    ink: NDArray[np.uint8], cleared: NDArray[np.uint8], start: int, end: int, slope: float
) -> None:
    """Takes the rows `start` to `end`, sloping, out of `cleared`, but for strokes across them."""
    height, width = ink.shape
    columns = np.arange(width)
    shift = np.rint(slope * columns).astype(int)

    def at(row: int) -> NDArray[np.bool_]:
        rows = row + shift
        inside = (rows >= 0) & (rows < height)
        found = (ink[np.clip(rows, 0, height - 1), columns] > 100) & inside
        return found | np.roll(found, 2) | np.roll(found, -2)  # a stroke may cross aslant

    crossed = (at(start - 1) | at(start - 2)) & (at(end) | at(end + 1))
    for row in range(start, end):
        rows = row + shift
        gone = (rows >= 0) & (rows < height) & ~crossed
        cleared[rows[gone], columns[gone]] = 0


def _without_surroundings(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Ink without stains, and without what reaches in from the border (a desk, the next line)."""
    height, width = ink.shape
    cell = max(1, -(-max(height, width) // (2 * CELLS)))
    mass = np.asarray(Image.fromarray(ink).reduce(cell) if cell > 1 else ink, np.float64)
    parts = [(member, float(mass[member].sum())) for member in groups(mass > 255 / (2 * cell))]
    if not parts:
        return np.zeros_like(ink)
    inner = [
        (member, weight)
        for member, weight in parts
        if not (member[0].any() or member[-1].any() or member[:, 0].any() or member[:, -1].any())
    ]
    # A digit that fills the photograph touches its border too: then everything stays.
    if sum(weight for _, weight in inner) < 0.1 * max(weight for _, weight in parts):
        inner = parts
    heaviest = max(weight for _, weight in inner)
    keep = np.zeros(mass.shape, bool)
    for member, weight in inner:
        if weight >= MIN_PART * heaviest:
            keep |= member
    padded = np.pad(keep, 1)
    grown = padded[:-2, 1:-1] | padded[1:-1, 1:-1] | padded[2:, 1:-1]
    grown |= padded[1:-1, :-2] | padded[1:-1, 2:]
    mask = np.repeat(np.repeat(grown, cell, 0), cell, 1)[:height, :width]
    return np.where(mask, ink, np.uint8(0))
