"""Contact sheets of the screenshots in a folder, one for each size and colour scheme.

python -m tests.browser.contact_sheets FOLDER
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw

ACROSS = {"desktop": 4, "tablet": 6, "phone": 9, "side": 6}
WIDTH = {"desktop": 480, "tablet": 300, "phone": 240, "side": 370}
MARGIN, CAPTION = 8, 16


def sheet_of(pictures: list[Path], *, size: str) -> Image.Image:
    """Return the pictures, made smaller, in rows, each under its name."""
    shown = []
    for path in pictures:
        with Image.open(path) as file:
            height = round(file.height * WIDTH[size] / file.width)
            shown.append(file.convert("RGB").resize((WIDTH[size], height)))
    across = ACROSS[size]
    tall = max(picture.height for picture in shown) + CAPTION + MARGIN
    rows = -(-len(shown) // across)
    sheet = Image.new("RGB", (across * (WIDTH[size] + MARGIN), rows * tall), "grey")
    draw = ImageDraw.Draw(sheet)
    for place, (path, picture) in enumerate(zip(pictures, shown, strict=True)):
        left, top = place % across * (WIDTH[size] + MARGIN), place // across * tall
        draw.text((left + 2, top + 2), path.name.partition(".")[0], fill="white")
        sheet.paste(picture, (left, top + CAPTION))
    return sheet


def main(folder: Path) -> None:
    for size in ACROSS:
        for scheme in ("light", "dark"):
            pictures = sorted(folder.glob(f"*.{size}.{scheme}.png"))
            if pictures:
                path = folder / f"sheet-{size}-{scheme}.png"
                sheet_of(pictures, size=size).save(path)
                print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
