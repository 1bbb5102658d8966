"""Removes specks and dust from extracted ink."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.preprocessing.connected_components import connected_components
from serving.preprocessing.dilation import dilated

BLOCKS = 32  # a picture is searched for specks in this many blocks a side
# A block holds a stroke when a line of one pixel crosses this share of it.
STROKE_IN_BLOCK = 0.35
# A separate part of the ink with less of its mass is dust.
MIN_PART = 0.008


def remove_specks(ink: Image.Image) -> Image.Image | None:
    """Removes specks; returns None if nothing else is there.

    It works on blocks. A speck is a block that holds less ink than a stroke and touches no block
    that holds a stroke, or a component of blocks with less than MIN_PART of the ink.
    """
    block = -(-max(ink.size) // BLOCKS)
    mass = np.asarray(ink.reduce(block) if block > 1 else ink)  # mean of each block, 0..255
    holds_stroke = mass >= min(255.0, 255 * STROKE_IN_BLOCK / block)
    if block == 1:
        holds_stroke = mass > 0
    if not holds_stroke.any():
        return None
    keep = _large_components(dilated(holds_stroke), mass)
    if not (mass[~keep] > 0).any() and block > 1 and not _has_faint_ink(ink, keep, block):
        return ink
    mask = np.repeat(np.repeat(keep, block, 0), block, 1)[: ink.height, : ink.width]
    return Image.fromarray(np.where(mask, np.asarray(ink), np.uint8(0)))


def _large_components(cells: NDArray[np.bool_], mass: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The components of cells that have at least MIN_PART of the mass."""
    components = list(connected_components(cells))
    if len(components) == 1:
        return cells
    least = MIN_PART * int(mass[cells].sum(dtype=np.int64))
    kept = np.zeros_like(cells)
    for component in components:
        if int(mass[component].sum(dtype=np.int64)) >= least:
            kept |= component
    return kept


def _has_faint_ink(ink: Image.Image, keep: NDArray[np.bool_], block: int) -> bool:
    """True if ink too faint to show in the mean of its block lies outside the kept blocks."""
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
