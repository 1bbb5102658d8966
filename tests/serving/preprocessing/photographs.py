"""Synthetic photographs of digits on paper: uneven light, noise, lines, ink of any colour."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def photograph(
    drawing: Image.Image,
    rng: np.random.Generator,
    *,
    ink: tuple[int, int, int] = (30, 40, 120),
    paper: tuple[int, int, int] = (235, 230, 215),
    light: float = 0.5,
    noise: float = 4.0,
    lines: str = "none",
    tilt: float = 0.0,
) -> Image.Image:
    """Returns a drawing as a photograph of it on paper: an RGB JPEG, decoded.

    Args:
        drawing: dark on white, L.
        rng: chooses the direction of the light and the noise.
        ink: the colour of the pen.
        paper: the colour of the paper.
        light: how much darker the darkest corner is, 0 to 1.
        noise: of the camera, as a standard deviation in grey levels.
        lines: "none", "ruled", or "squared".
        tilt: of the paper, in degrees.
    """
    side = drawing.width
    sheet = Image.new("RGB", drawing.size, paper)
    pen = ImageDraw.Draw(sheet)
    if lines != "none":
        for at in range(side // 14, side, side // 7):
            pen.line((0, at, side, at), fill=(150, 170, 205), width=max(1, side // 200))
            if lines == "squared":
                pen.line((at, 0, at, side), fill=(150, 170, 205), width=max(1, side // 200))
    mask = Image.fromarray(255 - np.asarray(drawing.convert("L")))
    sheet.paste(Image.new("RGB", drawing.size, ink), mask=mask)
    if tilt:
        sheet = sheet.rotate(tilt, Image.Resampling.BICUBIC, fillcolor=paper)
    sheet = sheet.filter(ImageFilter.GaussianBlur(side / 400))
    y, x = np.mgrid[0:side, 0:side] / side
    angle = rng.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)) / 1.42 + 0.5  # 0..1
    shadow = 1.0 - light * slope - 0.15 * light * np.sin(3 * x + 2 * y)
    seen = np.asarray(sheet, np.float64) * shadow[..., np.newaxis]
    seen += rng.normal(0, noise, seen.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return Image.open(file)
