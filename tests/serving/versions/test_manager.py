"""Versions are published, promoted and retired in a real model server; failures are undone."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from serving import models_config
from serving.client import ServingClient
from serving.versions.manager import ChangeFailed, ChangeRefused, VersionManager
from serving.versions.repository import Repository
from tests.harness.served_model import ServedModel
from tests.harness.tiny_models import name_unknown_operation, write_card

BLANK = np.zeros((1, 28, 28), np.float32)


def predicted(served_model: ServedModel, *, label: str = "stable") -> int:
    """Returns the digit that the label's version predicts; here version D always predicts D."""
    answer = served_model.client.predict(BLANK, label=label)
    digit = int(answer.probabilities[0].argmax())
    assert digit == answer.version
    return digit


def export(served_model: ServedModel, name: str, tmp_path: Path) -> Path:
    """A copy of an export, with a card."""
    copy = tmp_path / name
    shutil.copytree(served_model.exports / name, copy)
    write_card(copy, version=1)
    return copy


def unchanged(served_model: ServedModel, before: str) -> bool:
    return (
        served_model.repository.config_text() == before
        and served_model.client.ask_label("stable") == 1
        and predicted(served_model) == 1
    )


def test_a_version_is_published_promoted_and_the_oldest_dropped(
    served_model: ServedModel, tmp_path: Path
) -> None:
    published = served_model.versions.publish(export(served_model, "digit-3", tmp_path))
    assert published.version == 3
    assert published.smoke_test.classes == 11
    assert served_model.available() == {1, 2, 3}
    assert predicted(served_model) == 1  # loaded, and not stable yet

    served_model.versions.promote(2)
    assert predicted(served_model) == 2
    assert served_model.available() == {1, 2, 3}  # 1 was stable, 3 waits for its promotion

    served_model.versions.promote(3)
    assert predicted(served_model) == 3
    served_model.wait(lambda: served_model.available() == {2, 3})
    assert served_model.versions.deployment().versions == (2, 3)

    served_model.versions.promote(1)  # on disk, and loaded again
    assert predicted(served_model) == 1
    assert served_model.repository.versions() == [1, 2, 3]


def test_a_canary_answers_by_its_label_and_ends_with_its_promotion(
    served_model: ServedModel,
) -> None:
    served_model.versions.start_canary(2)
    assert (predicted(served_model), predicted(served_model, label="canary")) == (1, 2)
    with pytest.raises(ChangeRefused, match="is canary"):
        served_model.versions.retire(2)
    served_model.versions.promote(2)
    assert served_model.versions.deployment().labels == {"stable": 2}
    answer = served_model.client.predict(BLANK, label="canary")
    assert (answer.version, answer.label) == (2, "stable")
    with pytest.raises(ChangeRefused, match="everybody has it"):
        served_model.versions.start_canary(2)


def test_a_withdrawn_canary_leaves_no_label(served_model: ServedModel) -> None:
    served_model.versions.start_canary(2)
    served_model.versions.withdraw_canary()
    assert served_model.versions.deployment().labels == {"stable": 1}
    assert served_model.client.predict(BLANK, label="canary").version == 1
    with pytest.raises(ChangeRefused, match="no canary"):
        served_model.versions.withdraw_canary()


def test_a_retired_version_is_unloaded_and_may_be_deleted(served_model: ServedModel) -> None:
    with pytest.raises(ChangeRefused, match="version 1 is stable"):
        served_model.versions.retire(1)
    served_model.versions.retire(2)
    assert served_model.available() == {1}
    assert served_model.repository.versions() == [1, 2]
    with pytest.raises(ChangeRefused, match="not served"):
        served_model.versions.retire(2)
    served_model.versions.retire(2, delete=True)
    assert served_model.repository.versions() == [1]
    with pytest.raises(ChangeRefused, match="no version 2; there are: 1"):
        served_model.versions.promote(2)


def garble(version_dir: Path) -> None:
    graph = version_dir / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-100])


def forget_variables(version_dir: Path) -> None:
    (version_dir / "variables" / "variables.index").unlink()


def forget_graph(version_dir: Path) -> None:
    (version_dir / "saved_model.pb").unlink()


@pytest.mark.parametrize("spoil", [garble, forget_variables, forget_graph])
def test_a_bad_export_never_reaches_the_server(
    served_model: ServedModel, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    before = served_model.repository.config_text()
    source = export(served_model, "digit-3", tmp_path)
    spoil(source)
    with pytest.raises(ChangeFailed, match="is not published") as raised:
        served_model.versions.publish(source)
    assert raised.value.version is None  # no number was spent on it
    assert served_model.repository.versions() == [1, 2]
    assert {status.version for status in served_model.client.versions()} == {1, 2}
    assert unchanged(served_model, before)


def test_a_bad_warm_up_never_reaches_the_server(
    served_model: ServedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the site's image: TensorFlow Serving would end, again and again."""
    monkeypatch.setattr("serving.versions.smoke_test.tensorflow_is_available", lambda: False)
    before = served_model.repository.config_text()
    source = export(served_model, "bad-warm-up", tmp_path)
    with pytest.raises(ChangeFailed, match=r"is not published: record 1 .* is float \[1, 28\]"):
        served_model.versions.publish(source)
    assert unchanged(served_model, before)
    assert served_model.repository.versions() == [1, 2]


def test_a_version_is_taken_back_when_the_server_ends_while_it_loads(
    served_model: ServedModel, tmp_path: Path
) -> None:
    before = served_model.repository.config_text()
    restored: list[float] = []

    def end_server() -> None:
        if 3 in (served_model.repository.config().versions or ()) and served_model.server.process:
            served_model.server.kill()
            restored.append(time.monotonic())

    versions = VersionManager(
        repository=served_model.repository, client=served_model.client, heartbeat=end_server
    )
    with pytest.raises(ChangeFailed, match=r"stopped answering while it loaded version 3"):
        versions.publish(export(served_model, "digit-3", tmp_path))
    assert restored
    assert served_model.repository.config_text() == before
    assert served_model.repository.versions() == [1, 2]
    served_model.server.start()
    served_model.wait(lambda: unchanged(served_model, before))


@pytest.mark.parametrize(
    ("name", "spoil", "reason"),
    [
        ("digit-3", forget_variables, "has only one of variables.index"),
        ("digit-3", garble, "is not the file that the card was written for"),
        ("bad-warm-up", None, "which does not fit"),
        ("nan", None, "NaN"),
    ],
)
def test_a_directory_put_there_by_hand_is_checked_before_it_is_promoted(
    served_model: ServedModel, name: str, spoil: Callable[[Path], None] | None, reason: str
) -> None:
    before = served_model.repository.config_text()
    version_dir = served_model.repository.version_dir(3)
    shutil.copytree(served_model.exports / name, version_dir)
    write_card(version_dir, version=3)
    if spoil is not None:
        spoil(version_dir)
    with pytest.raises(ChangeFailed, match="version 3 cannot be served: ") as raised:
        served_model.versions.promote(3)
    assert reason in str(raised.value)
    assert unchanged(served_model, before)


def test_the_files_of_a_loaded_version_are_checked_too(served_model: ServedModel) -> None:
    before = served_model.repository.config_text()
    forget_variables(served_model.repository.version_dir(2))
    with pytest.raises(ChangeFailed, match=r"variables\.index"):
        served_model.versions.promote(2)
    assert unchanged(served_model, before)


def test_a_version_that_does_not_load_is_reported_in_the_servers_words(
    served_model: ServedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the site's image: no TensorFlow, and a card that was written for a broken file."""
    monkeypatch.setattr("serving.versions.smoke_test.tensorflow_is_available", lambda: False)
    before = served_model.repository.config_text()
    source = export(served_model, "digit-3", tmp_path)
    name_unknown_operation(source)
    write_card(source)
    with pytest.raises(ChangeFailed, match=r"does not load version 3: [A-Z_]+: .+") as raised:
        served_model.versions.publish(source)
    assert raised.value.version == 3
    assert unchanged(served_model, before)
    assert served_model.repository.versions() == [1, 2]

    with pytest.raises(ChangeRefused, match="version 3 has been used"):
        served_model.versions.publish(served_model.exports / "digit-3", version=3)
    good = export(served_model, "digit-2", tmp_path)
    assert served_model.versions.publish(good).version == 4
    served_model.put(3, "digit-3")
    with pytest.raises(ChangeFailed, match="does not try it again"):
        served_model.versions.promote(3)
    assert predicted(served_model) == 1


def test_numbers_are_never_used_twice(served_model: ServedModel, tmp_path: Path) -> None:
    source = export(served_model, "digit-3", tmp_path)
    for taken in (1, 2, 9):
        with pytest.raises(ChangeRefused, match="Free: 10"):
            served_model.versions.publish(source, version=taken, used=frozenset({9}))
    with pytest.raises(ChangeRefused, match="whole number"):
        served_model.versions.publish(source, version=0)
    assert served_model.versions.publish(source, used=frozenset({9})).version == 10


def test_giving_up_restores_the_config(served_model: ServedModel) -> None:
    class GivenUp(Exception):
        pass

    def give_up() -> None:
        raise GivenUp

    before = served_model.repository.config_text()
    versions = VersionManager(
        repository=served_model.repository, client=served_model.client, heartbeat=give_up
    )
    with pytest.raises(GivenUp):
        versions.promote(2)
    assert unchanged(served_model, before)


def test_a_server_that_does_not_follow_changes_nothing(
    served_model: ServedModel, tmp_path: Path
) -> None:
    """It reads another file than the one that is written."""
    shutil.copytree(served_model.repository.model_dir, tmp_path / served_model.model_name)
    text = served_model.repository.config_text()
    models_config.write_text(tmp_path / "models.config", text)
    elsewhere = Repository(models_dir=tmp_path, model_name=served_model.model_name)
    versions = VersionManager(
        repository=elsewhere, client=served_model.client, label_seconds=0.3, load_seconds=0.3
    )
    with pytest.raises(ChangeFailed, match="--model_config_file_poll_wait_seconds"):
        versions.promote(2)
    assert elsewhere.config_text() == text
    with pytest.raises(ChangeFailed, match="not seen by the server"):
        versions.publish(export(served_model, "digit-3", tmp_path))
    assert elsewhere.config_text() == text
    assert elsewhere.versions() == [1, 2]


def test_a_label_on_a_version_that_is_not_loaded_is_removed(served_model: ServedModel) -> None:
    """Somebody may have written it by hand; the server refuses every file that holds it."""
    served_model.versions.start_canary(2)
    served_model.repository.write_config(versions=[1, 2, 7], labels={"stable": 1, "canary": 7})
    served_model.put(3, "digit-3")
    served_model.versions.promote(3)
    assert predicted(served_model) == 3
    assert served_model.versions.deployment().labels == {"stable": 3}


def test_without_a_server_nothing_is_changed(served_model: ServedModel, tmp_path: Path) -> None:
    before = served_model.repository.config_text()
    unreachable = ServingClient(base_url="http://127.0.0.1:9", model_name=served_model.model_name)
    versions = VersionManager(repository=served_model.repository, client=unreachable)
    source = export(served_model, "digit-3", tmp_path)
    for attempt in (
        lambda: versions.publish(source),
        lambda: versions.promote(2),
        lambda: versions.start_canary(2),
        lambda: versions.retire(2),
    ):
        with pytest.raises(ChangeRefused, match="nothing was changed"):
            attempt()
    assert unchanged(served_model, before)
    assert served_model.repository.versions() == [1, 2]


def test_without_a_config_nothing_is_changed(served_model: ServedModel, tmp_path: Path) -> None:
    nowhere = Repository(models_dir=tmp_path, model_name=served_model.model_name)
    with pytest.raises(ChangeRefused, match="MODELS_DIR"):
        VersionManager(repository=nowhere, client=served_model.client).promote(2)
