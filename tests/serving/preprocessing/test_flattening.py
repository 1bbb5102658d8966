"""Large pictures are prepared tile by tile, with the same result as at once."""

import numpy as np
import pytest
from PIL import Image

from serving.preprocessing import flattening
from serving.preprocessing.flattening import METHODS, flatten
from tests.harness.drawings import same_pixels
from tests.serving.preprocessing.drawings import pens
from training.data import canvas


def pictures() -> dict[str, Image.Image]:
    """Returns a drawing of 700x500 in every mode that a file can have."""
    grey = canvas.clean(pens()[7]).convert("L").resize((700, 500))
    levels = np.asarray(grey)
    red = Image.new("RGB", grey.size, (200, 30, 30))
    red.putalpha(Image.fromarray(255 - levels))
    card = grey.convert("RGB")
    mask = Image.new("L", grey.size, 0)
    mask.paste(200, (31, 47, 650, 480))
    card.putalpha(mask)
    part_red = grey.convert("RGB")
    part_red.paste((200, 30, 30), (500, 300, 700, 500))
    return {
        "L": grey,
        "RGB, red in a corner": part_red,
        "RGBA, red in a corner": part_red.convert("RGBA"),
        "1": grey.convert("1"),
        "RGB": grey.convert("RGB"),
        "P": grey.convert("RGB").quantize(8),
        "I;16": Image.fromarray(levels.astype(np.uint16) * 200),
        "CMYK": grey.convert("CMYK"),
        "LA": Image.merge("LA", (grey, mask)),
        "RGBA, opaque": grey.convert("RGBA"),
        "RGBA, ink": red,
        "RGBA, on its paper": card,
    }


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", pictures())
def test_tiles_make_no_difference(
    name: str, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = pictures()[name]
    upright = picture.transpose(METHODS[orientation]) if orientation > 1 else picture
    at_once = flatten(upright)
    monkeypatch.setattr(flattening, "TILE_SIDE", 64)
    by_tiles = flatten(picture, orientation=orientation)
    assert by_tiles.is_ink == at_once.is_ink == (name == "RGBA, ink")
    assert by_tiles.picture.mode == at_once.picture.mode
    assert max(by_tiles.picture.size) == 350
    assert same_pixels(by_tiles.picture, at_once.picture)


def test_quantiles_are_those_of_the_pixels() -> None:
    rng = np.random.default_rng(3)
    for size in (1, 2, 7, 100):
        levels = rng.integers(0, 256, (1, size, 3), np.uint8)
        found = flattening._OpaquePixels()
        found.add(Image.fromarray(levels), Image.new("L", (size, 1), 255))
        for share in (0.05, 0.5, 0.95):
            expected = np.quantile(levels[0], share, axis=0)
            assert [found._quantile(band, share) for band in range(3)] == pytest.approx(expected)
