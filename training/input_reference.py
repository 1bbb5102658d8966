"""Write the distribution of the training's inputs, against which the site measures drift.

`python -m training.input_reference` draws the pen digits of the people who are trained on as the
page draws them, prepares them as the site does, and writes `serving/training_inputs.json`: what the
page would get if its visitors were like those people. MNIST and the drawings with random pens are
left out, which differ from the page's drawings on purpose.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from serving.atomic_files import write_text
from serving.input_statistics import REFERENCE_FILE, Distribution, ink_features, instance_features
from serving.preprocessing import PREPROCESSING_VERSION, to_instance
from training.data.canvas import clean
from training.data.instances import to_bytes
from training.data.pen_strokes import checksums, load_digits, split
from training.paths import DATA

DRAWINGS = 3000
SEED = 1  # of the choice of drawings


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="holds pen-strokes/")
    parser.add_argument("--output", type=Path, default=REFERENCE_FILE)
    options = parser.parse_args(arguments)
    digits = split(load_digits(options.data)).training
    chosen = np.random.default_rng(SEED).permutation(len(digits))[:DRAWINGS]
    drawings = [digits[place].strokes for place in chosen]
    instances = [to_bytes(to_instance(clean(strokes))) for strokes in tqdm(drawings)]
    features = {**instance_features(np.stack(instances)), **ink_features(drawings)}
    document = {
        "source": f"{len(drawings)} pen digits that are trained on, drawn by the page's pen",
        "made_by": "python -m training.input_reference",
        "preprocessing_version": PREPROCESSING_VERSION,
        "data": checksums(options.data),
        "features": {name: asdict(Distribution.of(values)) for name, values in features.items()},
    }
    write_text(options.output, json.dumps(document, indent=1) + "\n")
    print(f"{options.output}: {len(drawings)} drawings")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
