"""Default paths of the commands."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"  # holds mnist/ and pen-strokes/
MODELS = ROOT / "serving" / "models" / "digits"
ARTIFACTS = ROOT / "training" / "artifacts"
SEEDS = ARTIFACTS / "seeds"
SCRATCH = ROOT / "var"
