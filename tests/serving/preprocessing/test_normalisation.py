"""Instances are fitted and centred as MNIST's, whatever the size and the pen of the drawing."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from serving.preprocessing import BlankPicture, instance_png, to_instance
from serving.preprocessing.normalisation import CENTRE_OF_MASS
from tests.serving.preprocessing.drawings import SAME, Instance, difference, mnist_digits, pens
from training.data import canvas

PENS = st.integers(0, 29)


def centre_of_mass(instance: Instance) -> tuple[float, float]:
    at = np.arange(28) + 0.5
    mass = instance.sum()
    return float(instance.sum(0) @ at / mass), float(instance.sum(1) @ at / mass)


def test_mnist_digits_hardly_change() -> None:
    changed = [
        np.abs(to_instance(Image.fromarray(digit)) - digit / np.float32(255)).mean()
        for digit in mnist_digits()
    ]
    assert np.median(changed) < 0.005
    assert np.percentile(changed, 90) < 0.02


@pytest.mark.parametrize("number", range(30))
def test_a_drawing_fills_the_box_and_is_centred_by_mass(number: int) -> None:
    instance = to_instance(canvas.clean(pens()[number]))
    assert instance.shape == (28, 28)
    assert instance.dtype == np.float32
    assert instance.min() == 0.0
    assert 0.9 < instance.max() <= 1.0
    rows, columns = (np.flatnonzero((instance > 0.2).any(axis)) for axis in (1, 0))
    assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
    assert centre_of_mass(instance) == pytest.approx((CENTRE_OF_MASS,) * 2, abs=0.1)


def test_a_one_stays_upright_and_narrow() -> None:
    one = Image.new("L", (100, 100), 255)
    one.paste(0, (48, 10, 53, 90))
    instance = to_instance(one)
    assert (instance > 0.5).any(1).sum() == pytest.approx(20, abs=1)
    assert (instance > 0.5).any(0).sum() <= 3


@settings(max_examples=15, deadline=None)
@given(PENS, st.integers(0, 200), st.integers(0, 200))
def test_shifting_hardly_changes_an_instance(number: int, x: int, y: int) -> None:
    drawing = canvas.clean(pens()[number])
    moved = Image.new("L", (480, 480), 255)
    moved.paste(drawing, (x, y))
    assert difference(to_instance(drawing), to_instance(moved)) < 0.02


@settings(max_examples=15, deadline=None)
@given(PENS, st.floats(0.35, 1.0), st.sampled_from([200, 280, 420, 560, 840]))
def test_scaling_hardly_changes_an_instance(number: int, scale: float, size: int) -> None:
    strokes = pens()[number]
    small = canvas.render(strokes, size=size, brush=0.12 * scale, scale=scale)
    large = canvas.render(strokes, size=280, brush=0.12, scale=1.0)
    assert difference(to_instance(small), to_instance(large)) < SAME


@settings(max_examples=12, deadline=None)
# Up to the working side of 600: a larger picture is scaled too, which is tested above.
@given(PENS, st.tuples(*[st.integers(1, 160)] * 4))
def test_padding_hardly_changes_an_instance(number: int, border: tuple[int, ...]) -> None:
    drawing = canvas.clean(pens()[number])
    padded = ImageOps.expand(drawing, border, fill=255)
    assert difference(to_instance(drawing), to_instance(padded)) < 0.1


@pytest.mark.parametrize(("size", "pixels"), [(280, 1), (280, 3), (1000, 2), (4000, 1)])
@pytest.mark.parametrize("number", range(0, 30, 7))
def test_a_hairline_has_about_the_ink_of_a_pen(number: int, size: int, pixels: int) -> None:
    strokes = pens()[number]
    hair = canvas.render(strokes, size=size, brush=pixels / size, scale=0.9, oversampling=1)
    pen = canvas.render(strokes, size=280, brush=0.1, scale=0.97)
    thin, wanted = to_instance(hair), to_instance(pen)
    assert thin.max() > 0.9
    # The hardest case: without antialiasing, a line of one pixel is a staircase with gaps.
    assert 0.6 < thin.sum() / wanted.sum() < 1.2
    assert difference(thin, wanted) < 0.45


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(["L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I", "F"]),
    st.integers(0, 2**32 - 1),
)
def test_any_picture_becomes_an_instance_or_is_blank(
    width: int, height: int, mode: str, seed: int
) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    picture = Image.fromarray(noise, "RGBA") if mode == "RGBA" else None
    picture = picture or Image.fromarray(noise[..., 0]).convert("RGB").convert(mode)
    try:
        instance = to_instance(picture)
    except BlankPicture:
        return
    assert instance.shape == (28, 28)
    assert np.isfinite(instance).all()
    assert instance.min() >= 0.0
    assert instance.max() <= 1.0


def test_an_instance_as_a_png() -> None:
    instance = to_instance(canvas.clean(pens()[0]))
    seen = Image.open(io.BytesIO(instance_png(instance)))
    assert (seen.mode, seen.size) == ("L", (28, 28))
    assert np.abs(np.asarray(seen) / 255 - instance).max() <= 0.5 / 255 + 1e-6
    assert instance_png(instance[..., np.newaxis]) == instance_png(instance)
    with pytest.raises(ValueError, match="28"):
        instance_png(np.zeros((27, 28), np.float32))
