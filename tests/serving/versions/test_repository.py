"""Version directories appear complete, by rename, or not at all."""

import json
from pathlib import Path

import pytest

from serving.versions.card import CARD
from serving.versions.repository import InvalidSource, Repository, check_layout

CONFIG = """model_config_list { config { name: "digits" base_path: "/models/digits"
  model_version_policy { specific { versions: 1 } } version_labels { key: "stable" value: 1 } } }"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "models.config").write_text(CONFIG)
    return Repository(models_dir=tmp_path / "models", model_name="digits")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The layout of a SavedModel; nothing here reads the contents of its files."""
    directory = tmp_path / "export"
    (directory / "variables").mkdir(parents=True)
    (directory / "assets.extra").mkdir()
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / "variables" / "variables.index").write_bytes(b"index")
    (directory / "variables" / "variables.data-00000-of-00001").write_bytes(b"data")
    (directory / CARD).write_text(json.dumps({"version": 1, "title": "öäü"}))
    return directory


def add(repository: Repository, source: Path, version: int) -> Path:
    with repository.adding(source, version):
        pass
    return repository.version_dir(version)


def test_a_draft_is_hidden_and_becomes_the_version_by_rename(
    repository: Repository, source: Path
) -> None:
    with repository.adding(source, 7) as draft:
        assert repository.versions() == []
        assert draft.parent.name.startswith(".")
        inode = draft.stat().st_ino
    target = repository.version_dir(7)
    assert target.stat().st_ino == inode
    assert repository.versions() == [7]
    assert [entry.name for entry in repository.model_dir.iterdir()] == ["7"]
    assert (target / "saved_model.pb").read_bytes() == b"graph"
    assert (target / "saved_model.pb").stat().st_mode & 0o777 == 0o644
    assert target.stat().st_mode & 0o777 == 0o755
    assert source.exists()


def test_the_card_gets_the_versions_number(repository: Repository, source: Path) -> None:
    target = add(repository, source, 7)
    assert json.loads((target / CARD).read_text()) == {"version": 7, "title": "öäü"}
    assert json.loads((source / CARD).read_text())["version"] == 1


def test_a_version_that_fails_its_test_leaves_nothing(repository: Repository, source: Path) -> None:
    with pytest.raises(RuntimeError), repository.adding(source, 7):
        raise RuntimeError
    assert list(repository.model_dir.iterdir()) == []


def test_a_version_is_never_overwritten(repository: Repository, source: Path) -> None:
    add(repository, source, 7)
    with pytest.raises(FileExistsError):
        add(repository, source, 7)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("saved_model.pb", "saved_model.pb"),
        ("variables/variables.index", "variables"),
        ("variables/variables.data-00000-of-00001", "variables"),
    ],
)
def test_a_half_copied_export_is_refused(
    repository: Repository, source: Path, missing: str, reason: str
) -> None:
    (source / missing).unlink()
    with pytest.raises(InvalidSource, match=reason):
        add(repository, source, 7)
    assert not repository.model_dir.exists()


def test_an_empty_graph_is_refused(source: Path) -> None:
    (source / "saved_model.pb").write_bytes(b"")
    with pytest.raises(InvalidSource, match="still being copied"):
        check_layout(source)


def test_symbolic_links_are_refused(source: Path) -> None:
    (source / "assets").symlink_to("/etc")
    with pytest.raises(InvalidSource, match="neither a file nor a directory"):
        check_layout(source)


def test_a_source_must_be_a_directory(source: Path) -> None:
    with pytest.raises(InvalidSource, match="not a directory"):
        check_layout(source / "saved_model.pb")
    with pytest.raises(InvalidSource, match="not a directory"):
        check_layout(source / "nowhere")


def test_only_numbers_that_are_directories_are_versions(repository: Repository) -> None:
    repository.model_dir.mkdir()
    for name in ("12", "3", "x", ".4"):
        (repository.model_dir / name).mkdir()
    (repository.model_dir / "5").write_text("a plain file")
    assert repository.versions() == [3, 12]


def test_a_removed_version_leaves_nothing(repository: Repository, source: Path) -> None:
    add(repository, source, 7)
    repository.remove(7)
    assert list(repository.model_dir.iterdir()) == []


def test_the_config_is_changed_and_restored(repository: Repository) -> None:
    before = repository.config_text()
    repository.write_config(versions=[2, 1, 2], labels={"stable": 2})
    assert repository.config().versions == (1, 2)
    assert repository.config().labels == {"stable": 2}
    repository.restore_config(before)
    assert repository.config_text() == before
