"""The services of the rollout on a real model server: success, history, and undoing failures."""

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from serving.versions.manager import ChangeFailed, ChangeRefused
from tests.harness.served_model import ServedModel
from tests.harness.tiny_models import name_unknown_operation, write_card, write_verdict
from webui.rollout import selectors, services
from webui.rollout.canary import label_for, shares
from webui.rollout.gate import verdict_on
from webui.rollout.models import HistoryEntry, RolloutState


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process: its share is never older than its own change."""
    monkeypatch.setattr(services, "SHARE_SECONDS", 0.0)


def last_entry() -> tuple[str, str, int | None, int | None, bool, str]:
    entry = HistoryEntry.objects.first()
    assert entry is not None
    return (
        entry.by, entry.action, entry.from_version, entry.to_version, entry.succeeded, entry.note
    )  # fmt: skip


def share() -> int:
    return RolloutState.objects.get().canary_share


def test_promotions_rollbacks_and_a_canary_are_recorded(site: ServedModel) -> None:
    services.promote(version=2, by="ada", note="better")
    assert last_entry() == ("ada", "promote", 1, 2, True, "better")
    assert site.client.ask_label("stable") == 2
    services.rollback(by="grace", note="worse after all")
    assert last_entry() == ("grace", "rollback", 2, 1, True, "worse after all")
    assert site.client.ask_label("stable") == 1
    with pytest.raises(ChangeRefused, match="no version that was stable before"):
        services.rollback(by="grace")

    services.start_canary(version=2, share=100, by="ada")
    assert last_entry()[1:4] == ("canary", None, 2)
    assert (share(), label_for("somebody")) == (100, "canary")
    services.start_canary(version=2, share=1, by="ada")
    assert share() == 1
    services.withdraw_canary(by="ada")
    assert last_entry()[1:4] == ("withdraw", 2, 1)
    assert (share(), label_for("somebody")) == (0, "stable")

    services.start_canary(version=2, share=50, by="ada")
    services.promote(version=2, by="ada")
    assert (share(), selectors.overview().canary) == (0, None)
    assert HistoryEntry.objects.count() == 7


def test_refused_changes_are_not_recorded(site: ServedModel) -> None:
    refused: list[Callable[[], object]] = [
        lambda: services.promote(version=1, by="ada"),
        lambda: services.promote(version=9, by="ada"),
        lambda: services.retire(version=1, by="ada"),
        lambda: services.withdraw_canary(by="ada"),
        lambda: services.start_canary(version=2, share=0, by="ada"),
        lambda: services.start_canary(version=2, share=101, by="ada"),
        lambda: services.start_canary(version=1, share=10, by="ada"),
    ]
    for attempt in refused:
        with pytest.raises(ChangeRefused):
            attempt()
    assert not HistoryEntry.objects.exists()


def test_two_operators_at_once(site: ServedModel) -> None:
    with (
        services.exclusive_access(by="grace", what="publish /exports/3"),
        pytest.raises(
            services.Busy, match=r"grace is changing the versions \(publish /exports/3\)"
        ),
    ):
        services.promote(version=2, by="ada")
    assert site.client.ask_label("stable") == 1
    services.promote(version=2, by="ada")


def test_the_number_of_a_version_that_does_not_load_is_not_reused(
    site: ServedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.versions.smoke_test.tensorflow_is_available", lambda: False)
    broken = tmp_path / "broken"
    shutil.copytree(site.exports / "digit-3", broken)
    name_unknown_operation(broken)
    write_card(broken)
    with pytest.raises(ChangeFailed, match="does not load version 3"):
        services.publish(source=broken, by="ada", note="nightly", gate_override="a test")
    assert last_entry() == ("ada", "publish", None, 3, False, "nightly")
    assert "does not load version 3" in HistoryEntry.objects.get().detail
    good = tmp_path / "good"
    shutil.copytree(site.exports / "digit-3", good)
    write_card(good, title="Good")
    write_verdict(good, champion_dir=site.repository.version_dir(1))
    assert services.publish(source=good, by="ada").entry.to_version == 4
    row = selectors.overview().rows[0]
    assert (row.version, row.state, row.labels) == (4, "AVAILABLE", ())
    assert row.card is not None
    assert (row.card.title, row.card.accuracy) == ("Good", 0.098)
    services.retire(version=4, delete=True, by="ada")
    assert site.repository.versions() == [1, 2]


def test_a_shadow_is_started_changed_and_ended(site: ServedModel) -> None:
    with pytest.raises(ChangeRefused, match="version 1 is stable"):
        services.start_shadow(version=1, share=10, by="ada")
    with pytest.raises(ChangeRefused, match="1 to 100 %"):
        services.start_shadow(version=2, share=0, by="ada")
    with pytest.raises(ChangeRefused, match="there is no shadow"):
        services.withdraw_shadow(by="ada")
    assert "asked about 20 %" in command("shadow", "2", "--share", "20", "--by", "ada")
    assert last_entry()[1:4] == ("shadow", None, 2)
    assert (site.client.ask_label("shadow"), shares.shadow_percent(site.model_name)) == (2, 20)
    assert "shadow 20 %" in command("list")
    assert label_for("somebody") == "stable"
    with pytest.raises(ChangeRefused, match="version 2 is shadow; it is asked now"):
        services.retire(version=2, by="ada")
    command("shadow", "off", "--by", "ada")
    assert last_entry()[1:3] == ("end-shadow", 2)
    assert shares.shadow_percent(site.model_name) == 0
    assert site.versions.deployment().labels == {"stable": 1}

    services.start_shadow(version=2, share=5, by="ada")
    services.promote(version=2, by="ada")
    assert (selectors.overview().shadow, shares.shadow_percent(site.model_name)) == (None, 0)


def test_publishing_asks_the_gate(site: ServedModel, tmp_path: Path) -> None:
    export = tmp_path / "export"
    shutil.copytree(site.exports / "digit-3", export)
    write_card(export)
    stable_dir = site.repository.version_dir(1)

    def refusal() -> str:
        with pytest.raises(ChangeRefused) as refused:
            services.publish(source=export, by="ada")
        return str(refused.value)

    assert "no verdict of the gate against version 1" in refusal()
    write_verdict(export, champion_dir=stable_dir, blocks=True)
    assert "blocked it: MNIST test set: accuracy 90.00%, the champion 99.50%" in refusal()
    write_verdict(export, champion_dir=site.repository.version_dir(2), champion=2)
    assert "compared it with version 2, and version 1 is stable now" in refusal()
    write_verdict(export, champion_dir=stable_dir)
    (export / "variables" / "variables.index").write_bytes(b"another")
    assert "is about other files" in refusal()
    assert not HistoryEntry.objects.exists()
    assert site.repository.versions() == [1, 2]


def test_an_override_of_the_gate_stays_in_the_history(site: ServedModel, tmp_path: Path) -> None:
    export = tmp_path / "export"
    shutil.copytree(site.exports / "digit-3", export)
    write_card(export)
    write_verdict(export, champion_dir=site.repository.version_dir(1), blocks=True)
    with pytest.raises(CommandError, match="needs a reason"):
        command("publish", str(export), "--override-gate", " ")
    command("publish", str(export), "--by", "ada", "--override-gate", "it reads tablets better")
    entry = HistoryEntry.objects.get()
    assert entry.gate_override == "it reads tablets better"
    assert "the gate blocked it: MNIST test set" in entry.detail
    assert "(gate overridden: it reads tablets better)" in command("history")


def test_without_a_stable_version_there_is_no_champion(tmp_path: Path) -> None:
    assert not verdict_on(tmp_path, stable=None).refusal


def test_a_canary_that_fails_to_start_leaves_the_share(site: ServedModel) -> None:
    services.start_canary(version=2, share=30, by="ada")
    site.put(3, "digit-3")
    (site.repository.version_dir(3) / "saved_model.pb").write_bytes(b"\x08\x01garbled")
    with pytest.raises(ChangeFailed):
        services.start_canary(version=3, share=5, by="ada")
    assert (share(), site.client.ask_label("canary")) == (30, 2)
    assert last_entry()[1:5] == ("canary", 2, 3, False)


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("models", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_publish_says_each_step_before_it_begins(
    site: ServedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("smoke_test", "manager"):
        monkeypatch.setattr(f"serving.versions.{module}.tensorflow_is_available", lambda: False)
    export = tmp_path / "export"
    shutil.copytree(site.exports / "digit-3", export)
    write_card(export)
    published = command("publish", str(export), "--override-gate", "a test")
    *steps, done = published.splitlines()
    assert steps == [
        f"Copying {export} as version 3.",
        "Testing version 3: its files.",
        "Loading version 3 in the model server.",
    ]
    assert done.startswith("Version 3 is loaded")


def test_the_command_line(site: ServedModel, tmp_path: Path) -> None:
    write_card(site.repository.version_dir(2), version=2, title="The second")
    listed = command("list")
    assert "The second" in listed
    assert "9.80%" in listed
    assert "no card" in listed  # version 1 has none
    assert "Version 2 is stable" in command("promote", "2", "--by", "ada", "--note", "better")
    assert "Version 1 is stable" in command("rollback", "--by", "grace")
    assert "answers 10 %" in command("canary", "2", "--by", "ada")
    assert "canary 10 %" in command("list")
    assert "no longer the canary" in command("canary", "off", "--by", "ada")
    assert "is unloaded" in command("retire", "2", "--by", "ada")
    entries = command("history").splitlines()
    assert "ada promoted 1 -> 2 (better)" in entries[-1]
    assert len(entries) == 5
    with pytest.raises(CommandError, match="version 1 is stable already"):
        command("promote", "1")
    with pytest.raises(CommandError, match="not a directory"):
        command("publish", str(tmp_path / "nowhere"), "--by", "ada")


def test_the_command_line_without_a_model_server(site_without_server: Path) -> None:
    listed = command("list")
    assert "no model server answers" in listed
    assert "stable" in listed
    with pytest.raises(CommandError, match="nothing was changed"):
        command("promote", "1")
