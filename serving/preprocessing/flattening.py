"""Turns a picture of any mode and size into a small one of grey or RGB, without transparency.

A large picture is converted and averaged down tile by tile, so that no second copy of it is made;
the result is the same as if it were done at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from PIL import Image

# A picture is averaged down to at most this side: 30 times finer than the digit box, and a hair of
# one pixel in 4,000 still has a contrast of 255/7.
WORKING_SIDE = 600
TILE_SIDE = 1024  # about: tiles are whole blocks of pixels that are averaged into one
OPAQUE = 128  # of 255: a pixel with less opacity says nothing about colours
OPAQUE_ONLY = [0] * OPAQUE + [255] * (256 - OPAQUE)
# Opaque pixels whose colours differ by less than this, of 255, have one colour.
ONE_COLOUR = 64

UPRIGHT = 1
# What turns a picture upright, by its EXIF orientation.
METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDES_SWAPPED = (5, 6, 7, 8)
FROM_THE_RIGHT = (2, 3, 7, 8)
FROM_BELOW = (3, 4, 6, 7)


class Flattened(NamedTuple):
    """A picture of at most WORKING_SIDE a side."""

    picture: Image.Image  # L or RGB
    is_ink: bool  # it is the opacity of ink of one colour, L, not a picture of ink on paper


def turned_upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turns a picture as its EXIF orientation, 1..8, says."""
    return picture if orientation == UPRIGHT else picture.transpose(METHODS[orientation])


def flatten(picture: Image.Image, *, orientation: int = UPRIGHT) -> Flattened:
    """Returns the picture upright, on its paper, and averaged down to at most WORKING_SIDE."""
    source = _Source(picture, orientation)
    if source.shows_transparency and not source.is_opaque():
        opaque = _OpaquePixels()
        for _, colours, alpha in source.tiles():
            opaque.add(colours, alpha)
        if opaque.are_ink():
            return Flattened(source.joined(_opacities(source.tiles())), is_ink=True)
        tiles = _on_paper(source.tiles(), opaque.paper())
    else:
        tiles = ((place, colours) for place, colours, _ in source.tiles())
    return Flattened(_without_colour(source.joined(tiles)), is_ink=False)


def _without_colour(picture: Image.Image) -> Image.Image:
    """Returns L if the colours of RGB or RGBA are all grey, as in most drawings; else the picture.

    What follows is the same, and takes a third of the time for one band.
    """
    if picture.mode == "L":
        return picture
    red, green, blue, *_ = picture.split()
    grey = red.tobytes()
    return red if green.tobytes() == grey == blue.tobytes() else picture


Place = tuple[int, int]
Tile = tuple[Place, Image.Image, Image.Image | None]  # place, colours and opacity


class _Source:
    """A picture as a sequence of upright tiles, L or RGB."""

    def __init__(self, picture: Image.Image, orientation: int) -> None:
        self._picture = picture
        self._orientation = orientation
        width, height = picture.size
        self._size = (height, width) if orientation in SIDES_SWAPPED else (width, height)
        self._factor = max(1, -(-max(self._size) // WORKING_SIDE))
        self.shows_transparency = (
            picture.mode in ("LA", "La", "PA", "RGBa", "RGBA") or "transparency" in picture.info
        )
        self._levels = (
            _levels(picture) if picture.mode.startswith("I") or picture.mode == "F" else None
        )
        # A picture of one tile is converted once, however often it is gone through.
        self._only_tile = (
            [self._converted(box) for box in self._boxes()] if self._is_small else None
        )

    @property
    def _is_small(self) -> bool:
        return max(self._size) <= TILE_SIDE

    def is_opaque(self) -> bool:
        return all(alpha is None or np.asarray(alpha).min() == 255 for _, _, alpha in self.tiles())

    def tiles(self) -> Iterable[Tile]:
        if self._only_tile is not None:
            return self._only_tile
        return (self._converted(box) for box in self._boxes())

    def joined(self, tiles: Iterable[tuple[Place, Image.Image]]) -> Image.Image:
        """Averages tiles down and puts them together."""
        whole: Image.Image | None = None
        for (left, top), tile in tiles:
            small = tile.reduce(self._factor) if self._factor > 1 else tile
            if self._is_small:
                return small
            if whole is None:
                width, height = (-(-length // self._factor) for length in self._size)
                whole = Image.new(small.mode, (width, height))
            whole.paste(small, (left // self._factor, top // self._factor))
        assert whole is not None  # a picture has at least one tile  # noqa: S101
        return whole

    def _boxes(self) -> Iterator[tuple[int, int, int, int]]:
        width, height = self._size
        if self._is_small:
            yield 0, 0, width, height
            return
        side = max(self._factor, TILE_SIDE // self._factor * self._factor)
        for top in range(0, height, side):
            for left in range(0, width, side):
                yield left, top, min(left + side, width), min(top + side, height)

    def _converted(self, box: tuple[int, int, int, int]) -> Tile:
        if self._is_small:
            part = self._picture
        else:
            part = self._picture.crop(_stored_box(box, self._picture.size, self._orientation))
        upright = turned_upright(part, self._orientation)
        colours, alpha = _colours(upright, self._levels, is_whole=self._is_small)
        return box[:2], colours, alpha


def _stored_box(
    box: tuple[int, int, int, int], size: tuple[int, int], orientation: int
) -> tuple[int, int, int, int]:
    """Returns where a box of the upright picture is in the stored one."""
    left, top, right, bottom = box
    if orientation in SIDES_SWAPPED:
        left, top, right, bottom = top, left, bottom, right
    if orientation in FROM_THE_RIGHT:
        left, right = size[0] - right, size[0] - left
    if orientation in FROM_BELOW:
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom


def _colours(
    picture: Image.Image, levels: tuple[float, float] | None, *, is_whole: bool
) -> tuple[Image.Image, Image.Image | None]:
    """Returns the picture as L or RGB, and its opacity as L if its mode has one.

    Args:
        is_whole: it is not a tile, whose mode has to be that of the other tiles.
    """
    mode = picture.mode
    if mode in ("L", "RGB") and "transparency" not in picture.info:
        return picture, None
    if levels is not None:
        return _eight_bits(picture, *levels), None
    if mode == "1":
        return picture.convert("L"), None
    if mode in ("LA", "La", "PA", "RGBa", "RGBA") or "transparency" in picture.info:
        rgba = picture if mode == "RGBA" else picture.convert("RGBA")
        alpha = rgba.getchannel("A")
        colours = _without_colour(rgba) if is_whole else rgba
        return colours if colours.mode == "L" else rgba.convert("RGB"), alpha
    return picture.convert("RGB"), None


def _levels(picture: Image.Image) -> tuple[float, float]:
    """Returns what is black and what is white in 16-bit, 32-bit and floating-point greys."""
    lows, highs = [], []
    for top in range(0, picture.height, TILE_SIDE):
        for left in range(0, picture.width, TILE_SIDE):
            right, bottom = (
                min(left + TILE_SIDE, picture.width),
                min(top + TILE_SIDE, picture.height),
            )
            values = _finite(picture.crop((left, top, right, bottom)))
            lows.append(float(values.min()))
            highs.append(float(values.max()))
    low, high = min(lows), max(highs)
    if picture.mode != "F" and low >= 0 and high <= 65535:
        return (0.0, 255.0) if high <= 255 else (0.0, 65535.0)
    return low, high


def _finite(picture: Image.Image) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=0.0, neginf=0.0)


def _eight_bits(picture: Image.Image, low: float, high: float) -> Image.Image:
    span = max(high - low, 1e-9)
    return Image.fromarray(((_finite(picture) - low) * (255.0 / span)).astype(np.uint8))


@dataclass
class _OpaquePixels:
    """The histograms of the bands of the opaque pixels."""

    pixels: int = 0  # of the whole picture
    counts: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]" = field(
        default_factory=lambda: np.zeros((3, 256), np.int64)
    )

    def add(self, colours: Image.Image, alpha: Image.Image | None) -> None:
        assert alpha is not None  # the mode has one  # noqa: S101
        self.pixels += alpha.width * alpha.height
        opaque = alpha.point(OPAQUE_ONLY)
        self.counts += np.asarray(colours.histogram(opaque), np.int64).reshape(-1, 256)

    @property
    def opaque(self) -> int:
        return int(self.counts[0].sum())

    def are_ink(self) -> bool:
        """True if the opaque pixels have one colour, so that the opacity is the ink.

        Opaque pixels of several colours are ink together with its paper.
        """
        if self.opaque == 0:
            return True  # very faint ink; its contrast decides whether the picture is blank
        if self.opaque == self.pixels:
            return False
        return max(
            self._quantile(band, 0.95) - self._quantile(band, 0.05) for band in (0, 1, 2)
        ) < (ONE_COLOUR)

    def paper(self) -> tuple[int, ...]:
        """Returns the colour of the opaque part's paper, or white or black if it has none."""
        if self.opaque > 0.5 * self.pixels:
            return tuple(int(self._quantile(band, 0.5)) for band in (0, 1, 2))
        mean = float((self.counts @ np.arange(256)).sum()) / (3 * self.opaque)
        return (255,) * 3 if mean < 128 else (0,) * 3

    def _quantile(self, band: int, share: float) -> float:
        """Returns what `np.quantile` returns of the pixels themselves."""
        place = share * (self.opaque - 1)
        below = int(place)
        upto = np.cumsum(self.counts[band])
        low = int(np.searchsorted(upto, below, side="right"))
        high = int(np.searchsorted(upto, min(below + 1, self.opaque - 1), side="right"))
        return low + (high - low) * (place - below)


def _opacities(tiles: Iterable[Tile]) -> Iterator[tuple[Place, Image.Image]]:
    for place, _, alpha in tiles:
        assert alpha is not None  # noqa: S101
        yield place, alpha


def _on_paper(tiles: Iterable[Tile], paper: tuple[int, ...]) -> Iterator[tuple[Place, Image.Image]]:
    for place, colours, alpha in tiles:
        flattened = Image.new("RGB", colours.size, paper)
        flattened.paste(colours, mask=alpha)
        yield place, flattened
