import stat
from pathlib import Path

import pytest

from serving.atomic_files import creating_directory, replacing_directory, replacing_file, write_text


def test_a_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "models.config"
    path.write_text("old")
    path.chmod(0o640)
    before = path.stat().st_ino
    write_text(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_ino != before  # by rename: a reader sees the old file or the new one
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    write_text(tmp_path / "key", "secret", mode=0o600)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_an_error_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    path.write_text("old")
    with pytest.raises(IsADirectoryError), replacing_file(path) as draft:
        draft.parent.read_bytes()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_keeps_the_suffixes(tmp_path: Path) -> None:
    with replacing_file(tmp_path / "model.weights.h5") as draft:
        assert draft.name.endswith(".weights.h5")
        assert draft.name.startswith(".")


def test_a_directory_appears_complete(tmp_path: Path) -> None:
    with creating_directory(tmp_path / "3") as draft:
        (draft / "saved_model.pb").write_text("graph")
        assert not (tmp_path / "3").exists()
    assert (tmp_path / "3" / "saved_model.pb").read_text() == "graph"
    assert list(tmp_path.iterdir()) == [tmp_path / "3"]


def test_an_existing_directory_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "3").mkdir()
    with pytest.raises(FileExistsError, match="3 exists"), creating_directory(tmp_path / "3"):
        pytest.fail("the block must not run")
    assert list(tmp_path.iterdir()) == [tmp_path / "3"]


def test_an_error_leaves_no_directory(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), creating_directory(tmp_path / "3") as draft:
        draft.read_bytes()
    assert not list(tmp_path.iterdir())


def test_a_directory_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "export"
    for name in ("first", "second"):
        with replacing_directory(path) as draft:
            (draft / name).write_text(name)
    assert [file.name for file in path.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_directory_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(IsADirectoryError), replacing_directory(path) as draft:
        draft.read_bytes()
    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]
