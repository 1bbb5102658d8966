"""Bundled versions are copied into a models directory once."""

from pathlib import Path

import pytest

from serving.versions import bundled


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = tmp_path / "bundled"
    for version in ("1", "2"):
        (source / "digits" / version / "variables").mkdir(parents=True)
        (source / "digits" / version / "saved_model.pb").write_text(f"graph {version}")
    config = tmp_path / "bundled.config"
    config.write_text('model_config_list { config { name: "digits" base_path: "/models/digits" } }')
    monkeypatch.setattr(bundled, "BUNDLED_DIR", source)
    monkeypatch.setattr(bundled, "BUNDLED_CONFIG", config)
    return source


def test_versions_are_copied_and_the_config_has_their_path(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    assert len(bundled.install_bundled(models)) == 3
    assert (models / "digits/1/saved_model.pb").read_text() == "graph 1"
    assert (models / "digits/2/variables").is_dir()
    assert f'base_path: "{models}/digits"' in (models / "models.config").read_text()
    assert sorted(entry.name for entry in (models / "digits").iterdir()) == ["1", "2"]


def test_existing_files_are_kept(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    bundled.install_bundled(models)
    (models / "models.config").write_text("labels moved since")
    (models / "digits/1/saved_model.pb").write_text("the operator's")
    assert bundled.install_bundled(models) == []
    assert (models / "models.config").read_text() == "labels moved since"
    assert (models / "digits/1/saved_model.pb").read_text() == "the operator's"


def test_a_version_that_is_bundled_later_is_added(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    bundled.install_bundled(models)
    (source / "digits/3").mkdir()
    assert bundled.install_bundled(models) == [
        f"model digits version 3 copied to {models / 'digits/3'}"
    ]


def test_the_config_may_have_the_servers_own_path(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    bundled.install_bundled(models, base_path="/models")
    assert 'base_path: "/models/digits"' in (models / "models.config").read_text()
