"""Review in the admin: permissions, the requests of the page's script, and the grid."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.harness.drawings import SEVEN
from tests.webui.records.factory import make_record
from tests.webui.staff import staff_client
from webui.records.database_store import DatabaseStore
from webui.records.models import Record, new_record_id
from webui.records.store import StoreUnavailable, store
from webui.review import services
from webui.review.models import Decision
from webui.review.selectors import final_label

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_store")]

QUEUE = "/admin/review/reviewqueue/"
GRID = f"{QUEUE}grid/"


@pytest.fixture
def reviewer() -> Client:
    return staff_client("ada", "review_drawings")


def keep(count: int = 1, **changed: Any) -> list[Record]:
    records = [make_record(**changed) for _ in range(count)]
    for record in records:
        DatabaseStore().append(record)
    return records


@pytest.mark.parametrize("path", ["", "next.json", "decide/", "undo/", "grid/"])
def test_every_page_needs_the_permission_to_review(path: str) -> None:
    other = staff_client("bob", "view_record", "change_record", "view_decision")
    assert other.get(QUEUE + path).status_code == 403
    assert other.post(QUEUE + path).status_code == 403
    assert Client().get(QUEUE + path).status_code == 302  # to the login


def test_the_picture_needs_it_too(reviewer: Client) -> None:
    (record,) = keep(picture=SEVEN)
    address = reverse("admin:review_picture", args=(record.id,))
    response = reviewer.get(address)
    assert (response.status_code, response.content) == (200, SEVEN)
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert staff_client("bob", "view_record").get(address).status_code == 403
    missing = reverse("admin:review_picture", args=(new_record_id(),))
    assert reviewer.get(missing).status_code == 404


def test_the_index_of_the_admin_links_to_the_queue(reviewer: Client) -> None:
    assert QUEUE in reviewer.get("/admin/").content.decode()


def test_a_reviewer_gets_decides_and_undoes(reviewer: Client) -> None:
    (record,) = keep(corrected_label="1")
    (drawing,) = reviewer.get(f"{QUEUE}next.json").json()["drawings"]
    assert drawing["id"] == str(record.id)
    assert (drawing["label"], drawing["predicted"], drawing["corrected"]) == ("1", "7", "1")
    assert drawing["url"] == ""  # ada may not see all records
    assert reviewer.post(f"{QUEUE}decide/", {"id": record.id, "label": "1"}).json() == {}
    assert final_label(record.id) == "1"
    assert reviewer.get(f"{QUEUE}next.json").json() == {"drawings": []}
    (again,) = reviewer.post(f"{QUEUE}undo/").json()["drawings"]
    assert again["id"] == str(record.id)
    assert final_label(record.id) is None


def test_what_cannot_be_decided_is_told(reviewer: Client) -> None:
    (record,) = keep()
    decide = f"{QUEUE}decide/"
    assert reviewer.post(decide, {"id": "x", "label": "1"}).status_code == 400
    assert reviewer.post(decide, {"id": record.id, "label": "unsure"}).status_code == 400
    assert reviewer.post(decide, {"id": new_record_id(), "label": "1"}).status_code == 404
    services.decide(record.id, label="7", reviewer="ada")
    assert reviewer.post(decide, {"id": record.id, "label": "1"}).status_code == 409
    services.undo("ada")
    assert reviewer.post(f"{QUEUE}undo/").status_code == 409


def test_an_unavailable_store_is_told(reviewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(store(), "scan", refuse)
    assert reviewer.get(QUEUE).status_code == 503
    assert reviewer.get(GRID).status_code == 503
    response = reviewer.get(f"{QUEUE}next.json")
    assert (response.status_code, "try again" in response.json()["error"]) == (503, True)


def test_the_grid_accepts_all_but_the_marked(reviewer: Client) -> None:
    records = keep(4)
    page = reviewer.get(GRID).content.decode()
    assert all(str(record.id) in page for record in records)
    marked, changed, *accepted = records
    form = {"drawing": [str(record.id) for record in records]}
    labels = {f"label-{record.id}": "7" for record in records} | {f"label-{changed.id}": "1"}
    response = reviewer.post(GRID, {**form, **labels, f"marked-{marked.id}": "on"})
    assert response["Location"].endswith(f"?only={marked.id}")
    assert [final_label(one.id) for one in (marked, changed, *accepted)] == [None, "1", "7", "7"]
    (shown,) = reviewer.get(f"{QUEUE}next.json?only={marked.id}").json()["drawings"]
    assert shown["id"] == str(marked.id)
    reviewer.post(GRID, {"undo": "1"})
    assert not Decision.objects.filter(undone_at=None).exists()


@pytest.mark.parametrize(
    "form", [{"drawing": ["x"]}, {"drawing": [str(new_record_id())]}, {"drawing": "gone"}]
)
def test_a_grid_with_a_bad_form_decides_nothing(reviewer: Client, form: dict[str, Any]) -> None:
    (record,) = keep()
    if form["drawing"] == "gone":
        form = {"drawing": [str(new_record_id())]}
        form[f"label-{form['drawing'][0]}"] = "7"
    form["drawing"].append(str(record.id))
    response = reviewer.post(GRID, {**form, f"label-{record.id}": "7"}, follow=True)
    assert 'class="error"' in response.content.decode()
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    "query", ["?before=yesterday", "?before=2026-13-01", "?only=x,y", "?held=-"]
)
def test_a_broken_address_shows_the_latest_drawings(reviewer: Client, query: str) -> None:
    (record,) = keep()
    (drawing,) = reviewer.get(f"{QUEUE}next.json{query}").json()["drawings"]
    assert drawing["id"] == str(record.id)
    assert reviewer.get(QUEUE + query).status_code == 200


def test_decisions_are_listed_and_cannot_be_changed() -> None:
    (record,) = keep()
    decision = services.decide(record.id, label="1", reviewer="ada")
    viewer = staff_client("bob", "view_decision")
    listed = viewer.get("/admin/review/decision/")
    assert str(record.id) in listed.content.decode()
    page = f"/admin/review/decision/{decision.pk}"
    assert viewer.get(f"{page}/change/").status_code == 200
    assert viewer.post(f"{page}/delete/").status_code == 403
    assert viewer.post(f"{page}/change/", {"label": "3"}).status_code == 403
