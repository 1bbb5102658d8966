"""Where the tests find the pen strokes, and small drawings made by hand."""

from pathlib import Path

import numpy as np

from training.data.pen_strokes import PenDrawing

DATA = Path(__file__).parents[2].parent / "shared" / "data"
HAS_PENS = (DATA / "pen-strokes" / "digits.jsonl.gz").is_file()
WHERE = f"{DATA}/pen-strokes (the pen strokes; see docs/training.md)"

CROSS = [np.float32([[0, 500], [1000, 500]]), np.float32([[500, 0], [500, 1000]])]


def drawing(
    label: str = "4", donor: str = "lab", writer: str = "w", points: int = 20
) -> PenDrawing:
    """A spiral that says it is a `label`."""
    t = np.linspace(0, 7, points)
    spiral = np.stack([500 + 60 * t * np.cos(t), 500 + 70 * t * np.sin(t)], 1)
    return PenDrawing(label, donor, writer, (spiral.astype(np.float32),))
