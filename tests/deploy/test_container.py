"""The commands of the site's container can be run again, and name what is wrong."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.docker import container
from tests.harness import ROOT
from webui.environment import Environment


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """The model server's settings volume."""
    directory = tmp_path / "settings"
    directory.mkdir()
    return directory


def test_the_models_volume_is_filled_once_and_a_moved_label_stays(
    tmp_path: Path, settings: Path
) -> None:
    models = tmp_path / "models"
    container.fill_models(models, settings)
    config = models / "models.config"
    assert f'base_path: "{models.resolve()}/digits"' in config.read_text()
    config.write_text("# an operator moved the label\n")
    container.fill_models(models, settings)
    assert config.read_text() == "# an operator moved the label\n"


def test_configuration_that_belongs_to_the_release_is_renewed(
    tmp_path: Path, settings: Path
) -> None:
    """It is on a volume that the site has not mounted; older releases had it among the models."""
    models = tmp_path / "models"
    container.fill_models(models, settings)
    (settings / "monitoring.config").write_text("of an older release")
    (models / "monitoring.config").write_text("of an older release")
    container.fill_models(models, settings)
    for name in ("batching.config", "monitoring.config"):
        assert (settings / name).read_text() == (ROOT / "serving" / name).read_text()
    assert sorted(path.name for path in models.iterdir()) == ["digits", "models.config"]


def test_a_volume_that_cannot_be_written_is_named(tmp_path: Path, settings: Path) -> None:
    (tmp_path / "models").write_text("a file where the volume should be")
    with pytest.raises(container.CannotStart, match=r"models volume .* cannot be filled"):
        container.fill_models(tmp_path / "models", settings)
    with pytest.raises(container.CannotStart, match=r"settings .* cannot be filled"):
        container.fill_models(tmp_path / "others", tmp_path / "none")


def test_a_key_is_made_once_and_only_its_owner_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "secret_key"
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(key))
    container.make_key(key)
    made = key.read_text()
    assert len(made) >= 50
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    container.make_key(key)
    assert key.read_text() == made
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize(
    "named", [{"SECRET_KEY": "an operator's"}, {"SECRET_KEY_FILE": "/run/secrets/key"}, {}]
)
def test_no_key_is_made_where_one_is_named_or_none_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, str]
) -> None:
    """An operator's missing file must be an error, not a new key that ends every session."""
    for name in ("SECRET_KEY", "SECRET_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    container.make_key(tmp_path / "secret_key")
    assert not (tmp_path / "secret_key").exists()


def test_the_file_of_earlier_keys_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, fallbacks = tmp_path / "secret_key", tmp_path / "secret_key_fallbacks"
    monkeypatch.setenv("SECRET_KEY_FALLBACKS_FILE", str(fallbacks))
    container.make_key(key)  # SECRET_KEY is set in the tests
    assert (fallbacks.read_text(), stat.S_IMODE(fallbacks.stat().st_mode)) == ("", 0o600)
    fallbacks.write_text("earlier\n")
    container.make_key(key)
    assert fallbacks.read_text() == "earlier\n"


def test_a_changed_key_stays_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, fallbacks = tmp_path / "secret_key", tmp_path / "secret_key_fallbacks"
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.setenv("SECRET_KEY_FILE", str(key))
    monkeypatch.setenv("SECRET_KEY_FALLBACKS_FILE", str(fallbacks))
    container.make_key(key)
    first = key.read_text()
    container.rotate_key()
    second = key.read_text()
    container.rotate_key()
    assert len({first, second, key.read_text()}) == 3
    assert Environment(os.environ).secrets("SECRET_KEY_FALLBACKS") == [second, first]
    for file in (key, fallbacks):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_that_is_in_no_file_is_changed_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret_key"))
    monkeypatch.setenv("SECRET_KEY_FALLBACKS_FILE", str(tmp_path / "secret_key_fallbacks"))
    with pytest.raises(container.CannotStart, match="put the present one first"):
        container.rotate_key()  # SECRET_KEY is set in the tests


@pytest.mark.parametrize("command", ["serve", "prepare"])
def test_a_weak_key_is_refused_in_one_line(command: str) -> None:
    finished = subprocess.run(
        [sys.executable, "deploy/docker/container.py", command],
        cwd=ROOT, env=os.environ | {"SECRET_KEY": "x"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert finished.returncode == 1
    assert finished.stderr.startswith("Cannot start: SECRET_KEY has 1 characters")
    assert len(finished.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["serve", "prepare"])
def test_without_a_key_it_refuses_in_one_line(command: str) -> None:
    environment = {n: v for n, v in os.environ.items() if not n.startswith("SECRET_KEY")}
    finished = subprocess.run(
        [sys.executable, "deploy/docker/container.py", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith("Cannot start: SECRET_KEY is not set.")
    assert "secrets.token_urlsafe" in finished.stderr
    assert "Traceback" not in finished.stderr
