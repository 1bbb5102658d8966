"""The command: from a data folder to JSON, HDF5 and how they were made."""

import gzip
import hashlib
import json
import struct
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.recipe import blots
from training import train
from training.configuration import CONFIGS
from training.data import mnist

# The shipped recipe with little of everything.
SMALL = {
    "steps": 6,
    "report_every": 3,
    "mixed_bfloat16": "false",
    "mnist": 8,
    "pen": 5,
    "outlier": 3,
    "pen_variants": 2,
    "letter_variants": 1,
    "styled": 8,
    "outliers": 10,
    "channels": [4, 4, 8],
    "dense": 16,
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some made-up MNIST and a few people's strokes."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "mnist").mkdir()
    (folder / "pen-strokes").mkdir()
    for part, count in (("train", 200), ("t10k", 40)):
        some = blots(count, kinds=10, seed=count)
        for name, array in (
            (f"{part}-images-idx3-ubyte", some.images),
            (f"{part}-labels-idx1-ubyte", some.labels.astype(np.uint8)),
        ):
            head = struct.pack(f">I{array.ndim}I", 0x0800 | array.ndim, *array.shape)
            (folder / "mnist" / name).write_bytes(head + array.tobytes())

    def row(label: str, donor: str, n: int) -> str:
        path = [[100 * i, int(500 + 400 * np.sin(i * n + ord(label)))] for i in range(11)]
        drawing = {"label": label, "donor": donor, "writer": f"w{n}", "strokes": [path]}
        return json.dumps(drawing) + "\n"

    people = [(donor, n) for donor in ("apb", "aga") for n in range(3)]
    for name, labels in (("digits", "0123456789"), ("other", "EFm")):
        with gzip.open(folder / "pen-strokes" / f"{name}.jsonl.gz", "wt") as file:
            file.writelines(row(label, donor, n) for label in labels for donor, n in people)
    return folder


@pytest.fixture
def workplace(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command's folders, and this MNIST taken for the published one."""
    sums = {
        name: hashlib.sha256((data_dir / "mnist" / name).read_bytes()).hexdigest()
        for name in mnist.PUBLISHED
    }
    monkeypatch.setattr(mnist, "PUBLISHED", sums)
    monkeypatch.setattr(train, "WORKPLACE", tmp_path / "var")
    return tmp_path


def recipe(folder: Path, **changes: object) -> str:
    lines = []
    for line in (CONFIGS / "digits.toml").read_text().splitlines():
        name = line.split("=")[0].strip()
        changed = {**SMALL, **changes}
        lines.append(f"{name} = {changed[name]}" if "=" in line and name in changed else line)
    path = folder / "small.toml"
    path.write_text("\n".join(lines))
    return str(path)


def test_the_artefacts_agree_with_each_other(
    data_dir: Path, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--config", recipe(workplace), "--data", str(data_dir)]
    out = workplace / "artifacts"
    assert train.main([*common, "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "step     3 of 6" in printed
    assert "mnist_test_accuracy" in printed

    made = json.loads((out / "model_digits.made.json").read_text())
    for name, digest in made["files"].items():
        assert digest == "sha256:" + hashlib.sha256((out / name).read_bytes()).hexdigest()
    model = keras.models.model_from_json((out / "model_digits.json").read_text())
    model.load_weights(out / "model_digits.weights.h5")
    assert model.count_params() == made["parameters"]
    assert made["seed"] == 2  # as digits.toml says
    assert made["configuration"]["run"]["steps"] == 6
    assert made["split"]["digits_of_other_laboratories"] == 30
    assert set(made["data"]) == {f"mnist/{name}" for name in mnist.PUBLISHED} | {
        "pen-strokes/digits.jsonl.gz",
        "pen-strokes/other.jsonl.gz",
    }
    assert made["cpu_seconds"]["together"] > 0
    assert json.loads((out / "seeds" / "seed-2.json").read_text())["metrics"] == made["metrics"]

    # Finished already: going on changes nothing but writes the same again.
    again = workplace / "again"
    assert train.main([*common, "--output", str(again), "--resume"]) == 0
    assert "Resumed after step 6" in capsys.readouterr().out
    repeated = json.loads((again / "model_digits.made.json").read_text())
    assert repeated["metrics"] == made["metrics"]


def test_another_seed_is_measured_and_not_shipped(data_dir: Path, workplace: Path) -> None:
    out = workplace / "artifacts"
    options = ["--config", recipe(workplace), "--data", str(data_dir), "--output", str(out)]
    assert train.main([*options, "--seed", "3", "--measure-only"]) == 0
    assert [path.name for path in out.rglob("*.*") if path.is_file()] == ["seed-3.json"]


def test_mnist_alone_keeps_no_model(
    data_dir: Path, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = workplace / "artifacts"
    config = recipe(workplace, mnist=16, pen=0, outlier=0)
    assert train.main(["--config", config, "--data", str(data_dir), "--output", str(out)]) == 0
    assert "mnist_test_accuracy" in capsys.readouterr().out
    assert not out.exists()


def test_a_wrong_configuration_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_missing_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--data", str(tmp_path)]) == 2
    assert "--data must name" in capsys.readouterr().err
