"""The page and training/data/canvas.py draw the same strokes to nearly the same instance."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serving.preprocessing import to_instance
from tests.harness import ROOT
from tests.harness.needs import need
from tests.training.pens import HAS_PENS, WHERE
from training.data.canvas import CLEAN_BRUSH, render
from training.data.pen_strokes import load_digits
from training.paths import DATA

INK_JS = ROOT / "webui" / "records" / "static" / "records" / "ink.js"
SIDE = 1000  # of the page's coordinates (ink.js)
BRUSH = CLEAN_BRUSH
DRAW = """([strokes, size]) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  window.renderInk(canvas.getContext("2d"), strokes, {size});
  return canvas.toDataURL("image/png");
}"""

pytestmark = [pytest.mark.browser, pytest.mark.data]


def placed(strokes: tuple[np.ndarray, ...], share: float) -> tuple[list[list[list[float]]], float]:
    """Strokes in the page's coordinates, centred, their longest side `share` of the canvas, and
    the same as ink's `scale`."""
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    factor = share * SIDE / max(float((high - low).max()), 1.0)
    moved = [((stroke - (low + high) / 2) * factor + SIDE / 2).tolist() for stroke in strokes]
    return moved, share + BRUSH


@pytest.fixture(scope="module")
def digits() -> list[tuple[np.ndarray, ...]]:
    need(HAS_PENS, WHERE)
    return [drawing.strokes for drawing in load_digits(DATA)[::332]]  # 30 people's


@pytest.fixture
def canvas(page: Any) -> Any:
    page.set_content("<!doctype html><title>ink</title>")
    script = INK_JS.read_text(encoding="utf-8") + "\nwindow.renderInk = renderInk;\n"
    page.add_script_tag(content=script, type="module")
    page.wait_for_function("() => window.renderInk !== undefined")
    return page


def drawn(canvas: Any, strokes: list[list[list[float]]], size: int) -> Image.Image:
    url = canvas.evaluate(DRAW, [strokes, size])
    return Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))).convert("L")


@pytest.mark.parametrize("size", [280, 560])  # a phone of one and of two device pixels a CSS pixel
def test_the_same_strokes_give_nearly_the_same_instance(
    canvas: Any, digits: list[tuple[np.ndarray, ...]], size: int
) -> None:
    for index, strokes in enumerate(digits):
        share = 0.35 + 0.5 * (index % 4) / 3
        moved, scale = placed(strokes, share)
        theirs = drawn(canvas, moved, size)
        ours = render(moved, size=280, brush=BRUSH, scale=scale, smooth=True)
        difference = np.abs(to_instance(theirs) - to_instance(ours))
        assert difference.mean() < 0.012, f"digit {index}: {difference.mean():.4f}"
        assert difference.max() < 0.35, f"digit {index}: {difference.max():.2f}"


def test_the_canvases_agree_pixel_for_pixel_but_for_their_edges(
    canvas: Any, digits: list[tuple[np.ndarray, ...]]
) -> None:
    for strokes in digits[:10]:
        moved, scale = placed(strokes, 0.6)
        theirs = np.asarray(drawn(canvas, moved, 280), float)
        ours = np.asarray(render(moved, brush=BRUSH, scale=scale, smooth=True), float)
        assert np.abs(theirs - ours).mean() < 2.0  # of 255
        assert (np.abs(theirs - ours) > 128).mean() < 0.01


def test_a_tap_is_the_same_dot(canvas: Any) -> None:
    theirs = np.asarray(drawn(canvas, [[[500, 500]]], 280), float)
    ours = np.asarray(render([[[500, 500]]], brush=BRUSH, scale=BRUSH), float)
    assert np.abs(theirs - ours).mean() < 0.2
