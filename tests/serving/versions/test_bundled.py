"""Models directories made from what ships."""

from pathlib import Path

import pytest

from serving.versions import bundled as shipped


@pytest.fixture
def shipping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = tmp_path / "shipped"
    for version in ("1", "2"):
        (source / "digits" / version / "variables").mkdir(parents=True)
        (source / "digits" / version / "saved_model.pb").write_text(f"graph {version}")
    config = tmp_path / "shipped.config"
    config.write_text('model_config_list { config { name: "digits" base_path: "/models/digits" } }')
    monkeypatch.setattr(shipped, "BUNDLED_DIR", source)
    monkeypatch.setattr(shipped, "BUNDLED_CONFIG", config)
    return source


def test_copies_versions_and_points_the_configuration_at_them(
    shipping: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    assert len(shipped.install_bundled(models)) == 3
    assert (models / "digits/1/saved_model.pb").read_text() == "graph 1"
    assert (models / "digits/2/variables").is_dir()
    assert f'base_path: "{models}/digits"' in (models / "models.config").read_text()
    assert sorted(entry.name for entry in (models / "digits").iterdir()) == ["1", "2"]


def test_leaves_what_is_there_as_it_is(shipping: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shipped.install_bundled(models)
    (models / "models.config").write_text("labels moved since")
    (models / "digits/1/saved_model.pb").write_text("the operator's")
    assert shipped.install_bundled(models) == []
    assert (models / "models.config").read_text() == "labels moved since"
    assert (models / "digits/1/saved_model.pb").read_text() == "the operator's"


def test_a_version_that_ships_later_is_added(shipping: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shipped.install_bundled(models)
    (shipping / "digits/3").mkdir()
    assert shipped.install_bundled(models) == [
        f"model digits version 3 copied to {models / 'digits/3'}"
    ]


def test_the_servers_own_view_of_the_directory(shipping: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shipped.install_bundled(models, base_path="/models")
    assert 'base_path: "/models/digits"' in (models / "models.config").read_text()
