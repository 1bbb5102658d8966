"""The page "Model versions": permissions, contents and steps."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.harness.served_model import ServedModel
from tests.harness.tiny_models import write_card
from tests.webui.records.factory import make_record
from tests.webui.staff import staff_client
from webui.records.store import store
from webui.rollout.models import HistoryEntry

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
