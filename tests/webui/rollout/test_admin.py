"""The page "Model versions": permissions, contents and steps."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.harness.served_model import ServedModel
from tests.harness.tiny_models import write_card
from tests.webui.records.factory import make_record
from tests.webui.staff import staff_client
from webui.records.models import Record
from webui.records.store import store
from webui.rollout.models import HistoryEntry, ShadowAnswer

PAGE = "/admin/rollout/modelversion/"


@pytest.fixture
def operator(db: None) -> Client:
    return staff_client("ada", "view_modelversion", "change_modelversion", "view_historyentry")


def test_versions_side_by_side(site: ServedModel, operator: Client) -> None:
    write_card(site.repository.version_dir(2), version=2, title="The <second>")
    for number in range(4):
        record = make_record(model_version=1, confidence=0.5 + number / 10, latency_ms=12.5)
        store().append(record)
    store().correct(record.id, label="7", by="ada", at=record.predicted_at)
    page = operator.get(PAGE).content.decode()
    assert "The &lt;second&gt;" in page
    assert "9.80 %" in page  # the card's accuracy
    assert "65.0 %" in page  # mean confidence
    assert "25.0 %" in page  # corrected
    assert "12.5 ms" in page
    assert page.count("AVAILABLE") >= 2
    assert f"{PAGE}2/promote/" in page
    assert f"{PAGE}1/promote/" not in page  # it is stable
    assert "style=" not in page.partition("versions-page")[2]  # the policy allows no inline style


def test_steps_are_confirmed_and_recorded(site: ServedModel, operator: Client) -> None:
    question = operator.get(f"{PAGE}2/promote/").content.decode()
    assert "Make version 2 stable?" in question
    assert "csrfmiddlewaretoken" in question
    assert site.client.ask_label("stable") == 1  # asking changes nothing

    answer = operator.post(f"{PAGE}2/promote/", {"note": "better"}, follow=True)
    assert "Version 2 is stable" in answer.content.decode()
    assert site.client.ask_label("stable") == 2
    entry = HistoryEntry.objects.get()
    assert (entry.by, entry.action, entry.note) == ("ada", "promote", "better")

    assert "Roll back to version 1" in operator.get(PAGE).content.decode()
    assert "Roll back to version 1?" in operator.get(f"{PAGE}rollback/").content.decode()
    operator.post(f"{PAGE}rollback/", {})
    assert site.client.ask_label("stable") == 1

    wrong = operator.post(f"{PAGE}2/canary/", {"share": "0"})
    assert "greater than or equal to 1" in wrong.content.decode()
    operator.post(f"{PAGE}2/canary/", {"share": "25"})
    assert "25 %" in operator.get(PAGE).content.decode()
    assert 'value="25"' in operator.get(f"{PAGE}2/canary/").content.decode()
    status = operator.get(reverse("admin:rollout_status")).json()
    assert (status["stable"], status["canary"], status["share"]) == (1, 2, 25)
    assert status["versions"]["2"] == {"state": "AVAILABLE", "error": "", "labels": ["canary"]}
    refused = operator.post(f"{PAGE}2/retire/", {"delete": "on"}, follow=True)
    assert "is canary; it answers visitors now" in refused.content.decode()
    operator.post(f"{PAGE}withdraw/", {})
    operator.post(f"{PAGE}2/retire/", {"delete": "on"})
    assert site.repository.versions() == [1]


def test_the_shadow_is_started_and_ended(site: ServedModel, operator: Client) -> None:
    assert "Ask version 2 about some drawings?" in operator.get(f"{PAGE}2/shadow/").content.decode()
    operator.post(f"{PAGE}2/shadow/", {"share": "15", "note": "before the canary"})
    page = operator.get(PAGE).content.decode()
    assert "version 2, 15 % of drawings" in page
    assert 'value="15"' in operator.get(f"{PAGE}2/shadow/").content.decode()
    operator.post(f"{PAGE}end-shadow/", {})
    assert site.versions.deployment().shadow is None
    answer = operator.get(f"{PAGE}end-shadow/", follow=True)
    assert "There is no shadow." in answer.content.decode()


def shadow_answer(record: Record, **changed: Any) -> ShadowAnswer:
    values = {
        "record_id": record.id,
        "recorded_at": record.predicted_at,
        "version": 3,
        "label": "1",
        "verdict": "unsure",
        "digit": 1,
        "confidence": 0.51,
        "answered_version": 2,
        "answered_label": "7",
        "agrees": False,
        **changed,
    }
    return ShadowAnswer.objects.create(**values)


def test_disagreements_are_listed_with_pictures(db: None) -> None:
    records = [make_record() for _ in range(3)]
    for record in records:
        store().append(record)
    shadow_answer(records[0])
    shadow_answer(records[1], label="not_a_digit", verdict="not_a_digit", digit=None)
    shadow_answer(records[2], label="7", digit=7, agrees=True)
    shadow_answer(make_record())  # its record is gone
    viewer = staff_client("ada", "view_shadowanswer", "view_record")
    page = viewer.get(reverse("admin:rollout_shadowanswer_changelist")).content.decode()
    assert page.count('class="record-thumbnail"') == 2
    assert "1? (version 3)" in page
    assert "not a digit (version 3)" in page
    assert f"/admin/records/record/{records[0].id}/change/" in page
    assert str(records[2].id) not in page
    assert "3 (75.0 %)" in page  # of four that it was asked about
    assert (
        "Drawings that a shadow read otherwise"
        in viewer.get(reverse("admin:records_record_changelist")).content.decode()
    )


def test_disagreements_show_drawings_and_need_both_permissions(db: None) -> None:
    for permission in ("view_shadowanswer", "view_record"):
        client = staff_client(f"only-{permission}", permission)
        assert client.get(reverse("admin:rollout_shadowanswer_changelist")).status_code == 403


def test_a_missing_model_server_is_reported(site_without_server: Path, operator: Client) -> None:
    page = operator.get(PAGE).content.decode()
    assert "does not answer" in page
    assert "no model server answers" in page
    assert "version 2" in page  # what models.config says is known all the same
    status = operator.get(reverse("admin:rollout_status")).json()
    assert status["server_answers"] is False
    answer = operator.post(f"{PAGE}1/promote/", {}, follow=True)
    assert "nothing was changed" in answer.content.decode()


def test_missing_files_are_reported(site_without_server: Path, operator: Client) -> None:
    (site_without_server / "models.config").unlink()
    page = operator.get(PAGE).content.decode()
    assert "MODELS_DIR" in page


def test_view_permission_offers_no_steps(site_without_server: Path) -> None:
    viewer = staff_client("ada", "view_modelversion")
    page = viewer.get(PAGE).content.decode()
    assert "/promote/" not in page
    assert viewer.get(f"{PAGE}1/promote/").status_code == 403
    assert viewer.post(f"{PAGE}1/promote/").status_code == 403


def test_without_permission_nothing_is_shown(site_without_server: Path) -> None:
    nobody = staff_client("ada")
    for address in (PAGE, reverse("admin:rollout_status"), f"{PAGE}1/promote/"):
        assert nobody.get(address).status_code == 403
        assert Client().get(address).status_code == 302


def test_unknown_steps_are_not_found(site_without_server: Path, operator: Client) -> None:
    for address in ("1/explode/", "explode/", "promote/", "1/rollback/", "9/promote/"):
        assert operator.get(PAGE + address).status_code == 404
    answer = operator.get(f"{PAGE}rollback/", follow=True)
    assert "no version that was stable before" in answer.content.decode()


def test_a_step_needs_the_token(site_without_server: Path, operator: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="ada"))
    assert strict.post(f"{PAGE}1/promote/").status_code == 403


def test_the_history_is_read_only(site_without_server: Path, admin_client: Client) -> None:
    entry = HistoryEntry.objects.create(
        by="ada", action="promote", model_name="digits", from_version=1, to_version=2, note="why"
    )
    address = reverse("admin:rollout_historyentry_changelist")
    assert "why" in admin_client.get(address).content.decode()
    detail = f"{address}{entry.pk}/change/"
    assert admin_client.get(detail).status_code == 200
    assert admin_client.post(detail, {"note": "other"}).status_code == 403
    assert admin_client.post(f"{address}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{address}add/").status_code == 403
    assert HistoryEntry.objects.get().note == "why"
