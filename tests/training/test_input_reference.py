"""The reference of the inputs is made from the digits that are trained on."""

import json
from pathlib import Path

from serving.input_statistics import FEATURES
from tests.training.pens import write_pen_strokes
from training import input_reference


def test_it_describes_every_feature(tmp_path: Path) -> None:
    write_pen_strokes(
        tmp_path,
        digits=[(label, "syn", f"p{label}") for label in "0123456789"],
        letters=[],
    )
    output = tmp_path / "reference.json"
    input_reference.main(["--data", str(tmp_path), "--output", str(output)])
    document = json.loads(output.read_text())
    assert set(document["features"]) == set(FEATURES)
    assert document["data"]
