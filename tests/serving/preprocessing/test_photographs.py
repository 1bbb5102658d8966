"""Photographs are read as the drawing that they show."""

import numpy as np
import pytest
from PIL import Image

from serving.preprocessing import photographs, to_instance
from tests.serving.preprocessing.drawings import difference, pens
from tests.serving.preprocessing.photographs import photograph
from training.data import canvas


@pytest.mark.parametrize(
    "conditions",
    [
        {"light": 0.5},
        {"light": 0.7, "noise": 6.0},
        {"light": 0.4, "lines": "ruled"},
        {"light": 0.4, "lines": "ruled", "tilt": 3.0},
        {"light": 0.4, "lines": "squared", "tilt": -2.0},
        {"light": 0.4, "ink": (235, 235, 230), "paper": (40, 60, 50)},
    ],
    ids=["uneven", "very uneven", "ruled", "ruled and tilted", "squared", "blackboard"],
)
def test_a_photograph_is_read_as_its_drawing(conditions: dict[str, object]) -> None:
    rng = np.random.default_rng(7)
    differences = []
    for strokes in pens()[::6]:
        drawing = canvas.render(strokes, size=480, brush=0.04, scale=0.5)
        wanted = drawing.rotate(conditions.get("tilt", 0.0), fillcolor=255)  # type: ignore[arg-type]
        seen = to_instance(photograph(drawing, rng, **conditions))  # type: ignore[arg-type]
        differences.append(difference(to_instance(wanted), seen))
    assert np.median(differences) < 0.2
    assert max(differences) < 0.35


def test_a_drawing_is_never_taken_for_a_photograph(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(colours: Image.Image) -> None:
        raise AssertionError("a drawing was taken for a photograph")

    monkeypatch.setattr(photographs, "extract_ink", refuse)
    rng = np.random.default_rng(0)
    for strokes in pens()[::3]:
        to_instance(canvas.perturbed(strokes, rng))
        to_instance(canvas.render(strokes, size=140, brush=0.02))
