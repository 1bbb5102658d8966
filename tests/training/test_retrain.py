"""Retraining: from a stable version and a snapshot to an export that can be published."""

import json
import shutil
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from serving.models_config import with_model
from serving.versions.bundled import BUNDLED_CONFIG
from serving.versions.card import read_card, verify_files
from tests.training.collected import collected
from tests.training.conftest import made_up
from tests.training.recipe import small_data, tiny, write_configuration
from training import retrain, train, trained_network
from training.data.instances import Instances
from training.data.snapshot import Rendered, read_snapshot
from training.export import export
from training.parent import Parent, ParentError, stable_parent
from training.retrain import Mixture, code_version, mix, new_files

FINE_TUNING = """
[run]
seed = 1
steps = 4
report_every = 4
mixed_bfloat16 = false
[optimiser]
learning_rate = 1e-3
weight_decay = 2e-2
warmup = 0.1
label_smoothing = 0.05
average = 0.9
[snapshot]
share = 0.35
most_times = 100
variants = 2
"""


@pytest.fixture(scope="session")
def stable(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small network in artifacts/, exported as the stable version of models/."""
    folder = tmp_path_factory.mktemp("stable")
    with pytest.MonkeyPatch.context() as patch:
        made_up(patch, data_dir, folder)
        config = write_configuration(folder)
        common = ["--data", str(data_dir), "--output", str(folder / "artifacts")]
        assert train.main(["--config", config, *common]) == 0
    network = trained_network.load(trained_network.files_of("model_digits", folder / "artifacts"))
    export(network, 2, output=folder / "models" / "digits")
    text = BUNDLED_CONFIG.read_text()
    (folder / "models" / "models.config").write_text(
        with_model(text, "digits", versions=[2], labels={"stable": 2})
    )
    return folder


@pytest.fixture
def arguments(
    stable: Path, data_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The command's arguments for a snapshot of twelve writers, with a recipe of four steps."""
    recipe = folder / "finetune.toml"
    recipe.write_text(FINE_TUNING)
    monkeypatch.setattr(retrain, "FINE_TUNING", recipe)
    collected(folder / "s")
    return [
        *("--config", write_configuration(folder)),
        *("--snapshot", str(folder / "s"), "--data", str(data_dir)),
        *("--models", str(stable / "models"), "--artifacts", str(stable / "artifacts")),
        *("--output", str(folder / "retrained"), "--exports", str(folder / "exports")),
    ]


def test_the_next_version_names_its_data_code_and_parent(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retrain.main(arguments) == 0, capsys.readouterr().err
    assert "models publish" in capsys.readouterr().out
    (version,) = (folder / "exports").glob("*/digits/3")
    card = read_card(version)
    verify_files(version)
    read = read_snapshot(folder / "s")
    assert card.data["snapshot"] == f"sha256:{read.sha256}"
    assert set(card.data) > {"mnist", "pen-strokes", "snapshot"}
    assert card.versions["parent"] == 2
    assert card.versions["code"] == code_version()
    assert "Fine-tuned from version 2" in card.title
    assert card.metrics["snapshot_test_drawings"] == len(read.test)
    assert 0 <= card.metrics["snapshot_test_accuracy"] <= 1

    (metadata,) = (folder / "retrained").glob("*.metadata.json")
    kept = json.loads(metadata.read_text())
    assert kept["collected"]["drawings"] == len(read.training)
    # The next retraining starts from this one, once it is stable.
    again = stable_parent_of(folder, version)
    assert again.version == 3


def stable_parent_of(folder: Path, version: Path) -> Parent:
    models = folder / "models"
    shutil.copytree(version, models / "digits" / "3")
    text = BUNDLED_CONFIG.read_text()
    (models / "models.config").write_text(
        with_model(text, "digits", versions=[3], labels={"stable": 3})
    )
    return stable_parent(models, folder / "retrained")


def test_fine_tuning_starts_from_the_parents_weights(
    arguments: list[str], stable: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a rate of zero only the running means of the normalisation change."""
    recipe = folder / "finetune.toml"
    recipe.write_text(FINE_TUNING.replace("1e-3", "0.0").replace("2e-2", "0.0"))
    assert retrain.main(arguments) == 0
    (made,) = (folder / "retrained").glob("*.metadata.json")
    name = made.name.removesuffix(".metadata.json")
    ours = trained_network.load(trained_network.files_of(name, folder / "retrained")).model
    parent = stable_parent(stable / "models", stable / "artifacts").network.model
    for own, before in zip(ours.trainable_weights, parent.trainable_weights, strict=True):
        np.testing.assert_allclose(own.numpy(), before.numpy(), atol=1e-5)


def test_anew_needs_no_network_of_the_same_architecture(arguments: list[str], folder: Path) -> None:
    assert retrain.main([*arguments, "--anew", "--steps", "2"]) == 0
    (version,) = (folder / "exports").glob("*/digits/3")
    assert read_card(version).versions["anew"] is True


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--snapshot", "nowhere", "is not a snapshot"),
        ("--data", "nowhere", "--data must name"),
        ("--models", "nowhere", "models.config"),
        ("--artifacts", "nowhere", "--anew"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_stored(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str],
    option: str, value: str, said: str,
) -> None:  # fmt: skip
    assert retrain.main([*arguments, option, str(folder / value)]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "retrained").exists()


def test_a_snapshot_without_writers_to_train_on_is_refused(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for writer in range(40):
        written = collected(folder / f"of-{writer}", writers=1, labels="0", visitor=f"{writer:x}")
        if not written.writers["train"]:
            break
    assert retrain.main([*arguments, "--snapshot", str(folder / f"of-{writer}")]) == 2
    assert "no drawing to train on" in capsys.readouterr().err


def test_a_network_of_no_card_is_not_taken(stable: Path, tmp_path: Path) -> None:
    shutil.copytree(stable / "artifacts", tmp_path / "artifacts")
    metadata = tmp_path / "artifacts" / "model_digits.metadata.json"
    other = json.loads(metadata.read_text()) | {"made_at": "2020-01-01T00:00:00+00:00"}
    metadata.write_text(json.dumps(other))
    with pytest.raises(ParentError, match="stable version 2"):
        stable_parent(stable / "models", tmp_path / "artifacts")


@pytest.mark.parametrize(("drawings", "share"), [(500, 0.35), (10, 0.25)])
def test_few_drawings_get_a_smaller_share_of_a_batch(drawings: int, share: float) -> None:
    """Ten drawings, each at most a hundred times, in 800 steps with five pen digits: a quarter."""
    base = small_data()
    labels = np.arange(drawings * 2, dtype=np.int32) // 2 % 10
    added = Instances(np.full((len(labels), 28, 28), 7, np.uint8), labels)
    mixed = mix(
        base, Rendered(added, np.ones(len(labels), np.bool_)), tiny(steps=800),
        Mixture(share=0.35, most_times=100, variants=2),
    )  # fmt: skip
    of_snapshot = mixed.rows["pen"] >= len(base.labels)
    assert abs(of_snapshot.mean() - share) < 0.02
    assert np.array_equal(mixed.rows["mnist"], base.rows["mnist"])
    assert np.array_equal(mixed.rows["negative"], base.rows["negative"])


def test_files_that_exist_are_never_replaced(tmp_path: Path) -> None:
    first = new_files(tmp_path, "2026-11-25T03:00:00+00:00")
    first.architecture.write_text("{}")
    assert new_files(tmp_path, "2026-11-25T03:00:00+00:00") != first


def test_without_git_and_the_package_the_code_s_version_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in the trainer's image, where the error ended a retraining after its last step."""

    def not_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(retrain, "package_version", not_installed)
    assert code_version() == "unknown"
