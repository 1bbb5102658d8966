"""Versions are published, promoted and retired in a real model server; failures are undone."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from serving import models_config
from serving.client import ServingClient
from serving.versions.manager import ChangeFailed, ChangeRefused, VersionManager
from serving.versions.repository import Repository
from tests.serving.model_server import Stage
from tests.serving.tiny_models import write_card

BLANK = np.zeros((1, 28, 28), np.float32)


def predicted(stage: Stage, *, label: str = "stable") -> int:
    """Returns the digit that the label's version predicts; here version D always predicts D."""
    answer = stage.client.predict(BLANK, label=label)
    digit = int(answer.probabilities[0].argmax())
    assert digit == answer.version
    return digit


def export(stage: Stage, name: str, tmp_path: Path) -> Path:
    """A copy of an export, with a card."""
    copy = tmp_path / name
    shutil.copytree(stage.exports / name, copy)
    write_card(copy, version=1)
    return copy


def unchanged(stage: Stage, before: str) -> bool:
    return (
        stage.repository.config_text() == before
        and stage.client.ask_label("stable") == 1
        and predicted(stage) == 1
    )


def test_a_version_is_published_promoted_and_the_oldest_dropped(
    stage: Stage, tmp_path: Path
) -> None:
    published = stage.versions.publish(export(stage, "digit-3", tmp_path))
    assert published.version == 3
    assert published.smoke_test.classes == 11
    assert stage.available() == {1, 2, 3}
    assert predicted(stage) == 1  # loaded, and not stable yet

    stage.versions.promote(2)
    assert predicted(stage) == 2
    assert stage.available() == {1, 2, 3}  # 1 was stable, 3 waits for its promotion

    stage.versions.promote(3)
    assert predicted(stage) == 3
    stage.wait(lambda: stage.available() == {2, 3})
    assert stage.versions.deployment().versions == (2, 3)

    stage.versions.promote(1)  # on disk, and loaded again
    assert predicted(stage) == 1
    assert stage.repository.versions() == [1, 2, 3]


def test_a_canary_answers_by_its_label_and_ends_with_its_promotion(stage: Stage) -> None:
    stage.versions.start_canary(2)
    assert (predicted(stage), predicted(stage, label="canary")) == (1, 2)
    with pytest.raises(ChangeRefused, match="is canary"):
        stage.versions.retire(2)
    stage.versions.promote(2)
    assert stage.versions.deployment().labels == {"stable": 2}
    answer = stage.client.predict(BLANK, label="canary")
    assert (answer.version, answer.label) == (2, "stable")
    with pytest.raises(ChangeRefused, match="everybody has it"):
        stage.versions.start_canary(2)


def test_a_withdrawn_canary_leaves_no_label(stage: Stage) -> None:
    stage.versions.start_canary(2)
    stage.versions.withdraw_canary()
    assert stage.versions.deployment().labels == {"stable": 1}
    assert stage.client.predict(BLANK, label="canary").version == 1
    with pytest.raises(ChangeRefused, match="no canary"):
        stage.versions.withdraw_canary()


def test_a_retired_version_is_unloaded_and_may_be_deleted(stage: Stage) -> None:
    with pytest.raises(ChangeRefused, match="version 1 is stable"):
        stage.versions.retire(1)
    stage.versions.retire(2)
    assert stage.available() == {1}
    assert stage.repository.versions() == [1, 2]
    with pytest.raises(ChangeRefused, match="not served"):
        stage.versions.retire(2)
    stage.versions.retire(2, delete=True)
    assert stage.repository.versions() == [1]
    with pytest.raises(ChangeRefused, match="no version 2; there are: 1"):
        stage.versions.promote(2)


def garble(version_dir: Path) -> None:
    graph = version_dir / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-100])


def forget_variables(version_dir: Path) -> None:
    (version_dir / "variables" / "variables.index").unlink()


def forget_graph(version_dir: Path) -> None:
    (version_dir / "saved_model.pb").unlink()


@pytest.mark.parametrize("spoil", [garble, forget_variables, forget_graph])
def test_a_bad_export_never_reaches_the_server(
    stage: Stage, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    before = stage.repository.config_text()
    source = export(stage, "digit-3", tmp_path)
    spoil(source)
    with pytest.raises(ChangeFailed, match="is not published") as raised:
        stage.versions.publish(source)
    assert raised.value.version is None  # no number was spent on it
    assert stage.repository.versions() == [1, 2]
    assert {status.version for status in stage.client.versions()} == {1, 2}
    assert unchanged(stage, before)


def test_a_version_that_does_not_load_is_reported_in_the_servers_words(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the site's image: no TensorFlow, and a card that was written for a broken file."""
    monkeypatch.setattr("serving.versions.smoke_test.tensorflow_is_available", lambda: False)
    before = stage.repository.config_text()
    source = export(stage, "digit-3", tmp_path)
    garble(source)
    write_card(source)
    with pytest.raises(ChangeFailed, match=r"does not load version 3: [A-Z_]+: .+") as raised:
        stage.versions.publish(source)
    assert raised.value.version == 3
    assert unchanged(stage, before)
    assert stage.repository.versions() == [1, 2]

    with pytest.raises(ChangeRefused, match="version 3 has been used"):
        stage.versions.publish(stage.exports / "digit-3", version=3)
    good = export(stage, "digit-2", tmp_path)
    assert stage.versions.publish(good).version == 4
    stage.put(3, "digit-3")
    with pytest.raises(ChangeFailed, match="does not try it again"):
        stage.versions.promote(3)
    assert predicted(stage) == 1


def test_numbers_are_never_used_twice(stage: Stage, tmp_path: Path) -> None:
    source = export(stage, "digit-3", tmp_path)
    for taken in (1, 2, 9):
        with pytest.raises(ChangeRefused, match="Free: 10"):
            stage.versions.publish(source, version=taken, used=frozenset({9}))
    with pytest.raises(ChangeRefused, match="whole number"):
        stage.versions.publish(source, version=0)
    assert stage.versions.publish(source, used=frozenset({9})).version == 10


def test_giving_up_restores_the_config(stage: Stage) -> None:
    class GivenUp(Exception):
        pass

    def give_up() -> None:
        raise GivenUp

    before = stage.repository.config_text()
    versions = VersionManager(repository=stage.repository, client=stage.client, heartbeat=give_up)
    with pytest.raises(GivenUp):
        versions.promote(2)
    assert unchanged(stage, before)


def test_a_server_that_does_not_follow_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    """It reads another file than the one that is written."""
    shutil.copytree(stage.repository.model_dir, tmp_path / stage.model_name)
    text = stage.repository.config_text()
    models_config.write_text(tmp_path / "models.config", text)
    elsewhere = Repository(models_dir=tmp_path, model_name=stage.model_name)
    versions = VersionManager(
        repository=elsewhere, client=stage.client, label_seconds=0.3, load_seconds=0.3
    )
    with pytest.raises(ChangeFailed, match="--model_config_file_poll_wait_seconds"):
        versions.promote(2)
    assert elsewhere.config_text() == text
    with pytest.raises(ChangeFailed, match="not seen by the server"):
        versions.publish(export(stage, "digit-3", tmp_path))
    assert elsewhere.config_text() == text
    assert elsewhere.versions() == [1, 2]


def test_a_label_on_a_version_that_is_not_loaded_is_removed(stage: Stage) -> None:
    """Somebody may have written it by hand; the server refuses every file that holds it."""
    stage.versions.start_canary(2)
    stage.repository.write_config(versions=[1, 2, 7], labels={"stable": 1, "canary": 7})
    stage.put(3, "digit-3")
    stage.versions.promote(3)
    assert predicted(stage) == 3
    assert stage.versions.deployment().labels == {"stable": 3}


def test_without_a_server_nothing_is_changed(stage: Stage, tmp_path: Path) -> None:
    before = stage.repository.config_text()
    unreachable = ServingClient(base_url="http://127.0.0.1:9", model_name=stage.model_name)
    versions = VersionManager(repository=stage.repository, client=unreachable)
    source = export(stage, "digit-3", tmp_path)
    for attempt in (
        lambda: versions.publish(source),
        lambda: versions.promote(2),
        lambda: versions.start_canary(2),
        lambda: versions.retire(2),
    ):
        with pytest.raises(ChangeRefused, match="nothing was changed"):
            attempt()
    assert unchanged(stage, before)
    assert stage.repository.versions() == [1, 2]


def test_without_a_config_nothing_is_changed(stage: Stage, tmp_path: Path) -> None:
    nowhere = Repository(models_dir=tmp_path, model_name=stage.model_name)
    with pytest.raises(ChangeRefused, match="MODELS_DIR"):
        VersionManager(repository=nowhere, client=stage.client).promote(2)
