"""Symbols and letters that do not resemble a digit, as polylines.

They stand for what visitors draw and no data set holds. Letters that look like a digit (O, S, Z, I,
l, q, g, b, B, D, G) are left out, and so are pen_strokes.HELD_OUT_LETTERS, which evaluation keeps
unseen.
"""

import numpy as np

from training.data.strokes import Rng, Stroke, float32

# Corners "x,y x,y …" on a unit square with y down, as in an SVG polyline; strokes separated by ";".
# Names that begin with "~" are drawn as curves.
SHAPES = {
    "A": "0,1 0.5,0 1,1; 0.2,0.6 0.8,0.6",
    "A round": "0,1 0.1,0.3 0.5,0 0.9,0.3 1,1; 0.05,0.6 0.95,0.6",
    "~C": "0.9,0.15 0.6,0 0.2,0.1 0,0.5 0.2,0.9 0.6,1 0.9,0.85",
    "J barred": "0.2,0 1,0; 0.65,0 0.65,0.8 0.4,1 0.1,0.95 0,0.75",
    "~J": "0.7,0 0.7,0.75 0.5,1 0.15,0.95 0,0.7",
    "P": "0,1 0,0 0.4,0 0.6,0.12 0.6,0.35 0.4,0.5 0,0.5",
    "~p": "0,0 0,1; 0,0.1 0.3,0 0.55,0.15 0.5,0.45 0.2,0.55 0,0.4",
    "T": "0,0 1,0; 0.5,0 0.5,1",
    "T tall": "0,0 0.7,0; 0.35,0 0.35,1.2",
    "~t": "0.4,0 0.4,0.8 0.55,1 0.8,0.9; 0.1,0.3 0.8,0.3",
    "t": "0.4,0 0.4,1; 0.1,0.3 0.75,0.3",
    "~U": "0,0 0,0.7 0.2,1 0.6,1 0.8,0.7 0.8,0",
    "~u": "0,0 0,0.7 0.25,1 0.6,0.9 0.8,0.6; 0.8,0 0.8,0.8 0.95,1",
    "Y": "0,0 0.5,0.5; 1,0 0.5,0.5 0.5,1",
    "~a": "0.7,0.2 0.4,0 0.05,0.3 0.05,0.8 0.35,1 0.7,0.7 0.7,0.1; 0.7,0.1 0.7,0.85 0.9,1",
    "~Q": "0.5,0 0.1,0.15 0,0.5 0.1,0.85 0.5,1 0.9,0.85 1,0.5 0.9,0.15 0.5,0; 0.55,0.6 1.1,1.15",
    "i": "0.1,0.35 0.1,1; 0.1,0 0.11,0.01",
    "~j": "0.5,0.3 0.5,0.9 0.3,1.2 0,1.1; 0.5,0 0.51,0.01",
    "plus": "0,0.5 1,0.5; 0.5,0 0.5,1",
    "times": "0,0 1,1; 1,0 0,1",
    "divide": "0,0.5 1,0.5; 0.5,0.15 0.51,0.16; 0.5,0.85 0.51,0.86",
    "percent": "1,0 0,1; 0.1,0 0,0.15 0.2,0.2 0.1,0; 0.9,0.8 0.8,0.95 1,1 0.9,0.8",
    "less": "1,0 0,0.5 1,1",
    "check": "0,0.6 0.35,1 1,0",
    "caret": "0,1 0.5,0 1,1",
    "arrow right": "0,0.5 1,0.5; 0.7,0.2 1,0.5 0.7,0.8",
    "arrow left": "1,0.5 0,0.5; 0.3,0.2 0,0.5 0.3,0.8",
    "arrow up": "0.5,1 0.5,0; 0.15,0.35 0.5,0 0.85,0.35",
    "arrow down": "0.5,0 0.5,1; 0.15,0.65 0.5,1 0.85,0.65",
    "triangle": "0.5,0 1,1 0,1 0.5,0",
    "triangle down": "0,0 1,0 0.5,1 0,0",
    "star": "0.2,1 0.5,0 0.8,1 0,0.38 1,0.38 0.2,1",
    "asterisk": "0.5,0 0.5,1; 0.05,0.25 0.95,0.75; 0.95,0.25 0.05,0.75",
    "hash": "0.3,0 0.25,1; 0.75,0 0.7,1; 0,0.3 1,0.3; 0,0.7 1,0.7",
    "~heart": "0.5,0.3 0.3,0 0,0.1 0,0.45 0.5,1 1,0.45 1,0.1 0.7,0 0.5,0.3",
    "~question": "0,0.2 0.1,0 0.5,0 0.6,0.25 0.3,0.5 0.3,0.7; 0.3,0.98 0.31,0.99",
    "exclamation": "0.1,0 0.1,0.7; 0.1,0.98 0.11,0.99",
    "house": "0,1 0,0.4 0.5,0 1,0.4 1,1 0,1",
    "door": "0,1 0,0 1,0 1,1",
    "gamma": "0,1 0,0 0.8,0",
    "~infinity": "0.5,0.2 0.2,0 0,0.2 0.2,0.4 0.5,0.2 0.8,0 1,0.2 0.8,0.4 0.5,0.2",
    "~wave": "0,0.2 0.2,0 0.4,0.2 0.6,0.4 0.8,0.2 1,0",
    "~smile": (
        "0.5,0 0.1,0.15 0,0.5 0.1,0.85 0.5,1 0.9,0.85 1,0.5 0.9,0.15 0.5,0; 0.3,0.35 0.31,0.36; "
        "0.7,0.35 0.71,0.36; 0.25,0.65 0.5,0.8 0.75,0.65"
    ),
    "stairs": "0,1 0.33,1 0.33,0.66 0.66,0.66 0.66,0.33 1,0.33 1,0",
    "pi": "0,0.1 1,0.1; 0.3,0.1 0.2,1; 0.7,0.1 0.75,1",
    "psi": "0,0 0.1,0.5 0.5,0.65 0.9,0.5 1,0; 0.5,0 0.5,1",
    "~omega": "0,1 0.3,1 0.05,0.6 0.1,0.2 0.5,0 0.9,0.2 0.95,0.6 0.7,1 1,1",
    "sum": "0.9,0 0,0 0.5,0.5 0,1 0.9,1",
    "bracket": "0.5,0 0,0 0,1 0.5,1",
    "~euro": (
        "0.9,0.15 0.6,0 0.25,0.1 0.1,0.5 0.25,0.9 0.6,1 0.9,0.85; -0.1,0.4 0.6,0.4; -0.1,0.6 "
        "0.55,0.6"
    ),
    "~at": (
        "0.65,0.4 0.45,0.35 0.35,0.5 0.45,0.65 0.65,0.6 0.65,0.35 0.75,0.65 0.95,0.5 0.85,0.1 "
        "0.5,0 0.1,0.15 0,0.5 0.1,0.85 0.5,1 0.85,0.9"
    ),
}


def random_symbol(rng: Rng) -> list[Stroke]:
    """Return a random one of SHAPES, drawn by `draw`."""
    names = tuple(SHAPES)
    return draw(names[int(rng.integers(len(names)))], rng)


def draw(name: str, rng: Rng) -> list[Stroke]:
    """Return the named shape with its corners moved a little and its width changed."""
    curved = name.startswith("~")
    aspect = float32([np.exp(rng.normal(0, 0.15)), 1])
    strokes = []
    for corners in SHAPES[name].split(";"):
        path = float32([point.split(",") for point in corners.split()])
        path = path + float32(rng.normal(0, 0.03, path.shape))
        if curved and len(path) > 2:
            path = _corners_cut(_corners_cut(path))
        strokes.append(float32(path * aspect))
    return strokes


def _corners_cut(path: Stroke) -> Stroke:
    """Return the path rounded once by Chaikin's corner cutting; its ends stay."""
    near, far = path[:-1] * 0.75 + path[1:] * 0.25, path[:-1] * 0.25 + path[1:] * 0.75
    return np.concatenate([path[:1], np.stack([near, far], 1).reshape(-1, 2), path[-1:]])
