"""A record's page, its picture, and corrections."""

import re
from uuid import uuid4

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.test import Client

from tests.webui.records.admin.browsing import LIST, append_records, get, messages_of, page_of
from tests.webui.records.factory import NOON, drawn_picture, id_at, make_record
from webui.records.store import store

pytestmark = pytest.mark.django_db


def test_the_page_shows_the_whole_record(editor: Client) -> None:
    record = make_record(at=NOON, digit=2)
    store().append(record)
    page = get(editor, page_of(record))
    for part in (str(record.id), record.visitor, "12:00:00", "version 2", "3.5 ms", "90.0%"):
        assert part in page
    assert len(re.findall(r'<meter min="0" max="1" value="0\.\d{6}"', page)) == 11
    assert len(re.findall(r"<polyline", page)) == 2
    assert f'src="{page_of(record, "picture")}"' in page
    assert "style=" not in page  # the page's policy forbids it
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page)


def test_a_record_with_few_fields_is_shown(editor: Client) -> None:
    record = make_record(
        digit=None, ink=None, visitor="", instance=b"", picture=b"", probabilities=[0.1] * 10
    )
    store().append(record)
    page = get(editor, page_of(record))
    assert page.count("no longer stored") == 2
    assert "<svg" not in page.split('<section class="record-pictures"')[1].split("</section>")[0]
    assert page.count("<meter") == 10
    assert "–" in get(editor, LIST)


@pytest.mark.parametrize(
    "ink", [[], [[]], [[[5, 5, 0]]], [[[5, 5, 0], [5, 5, 9]]], [[[1e-3, 2e5, 0], [3, 4, 1]]]]
)
def test_any_ink_is_drawn(editor: Client, ink: list[list[list[float]]]) -> None:
    record = make_record(ink=ink)
    store().append(record)
    get(editor, page_of(record))


def test_a_missing_record_is_reported(editor: Client) -> None:
    for text in (str(id_at(NOON)), str(uuid4()), "7", "drop_table"):
        response = editor.get(f"{LIST}{text}/change/", follow=True)
        assert "doesn’t exist. Perhaps it was deleted?" in messages_of(response.content.decode())


def test_the_picture_is_served_so_that_a_browser_can_only_show_it(editor: Client) -> None:
    record = append_records(1)[0]
    response = editor.get(page_of(record, "picture"))
    assert response.content == drawn_picture(7)
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))


@pytest.mark.parametrize(
    ("picture", "kind"),
    [
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"<svg onload=alert(1)>", "application/octet-stream"),
        (b"<html><script>alert(1)</script>", "application/octet-stream"),
    ],
)
def test_the_content_type_follows_from_the_first_bytes(
    editor: Client, picture: bytes, kind: str
) -> None:
    record = make_record(picture=picture)
    store().append(record)
    response = editor.get(page_of(record, "picture"))
    assert response["Content-Type"] == kind
    assert ("Content-Disposition" in response) == (kind == "application/octet-stream")


def test_a_missing_picture_is_not_found(editor: Client) -> None:
    record = make_record(picture=b"")
    store().append(record)
    assert editor.get(page_of(record, "picture")).status_code == 404
    assert editor.get(f"{LIST}{uuid4()}/picture/").status_code == 404


@pytest.mark.parametrize("label", ["0", "9", "not_a_digit"])
def test_a_correction_and_its_withdrawal_are_stored_and_logged(editor: Client, label: str) -> None:
    record = append_records(1)[0]
    editor.post(page_of(record), {"corrected_label": label, "_save": "Save"})
    corrected = store().get(record.id)
    assert (corrected.corrected_label, corrected.corrected_by) == (label, "ada")
    assert corrected.corrected_at is not None
    shown_label = label.replace("_", " ")
    page = get(editor, page_of(record))
    assert f"Corrected to <strong>{shown_label}</strong> by ada" in page
    editor.post(page_of(record), {"corrected_label": "", "_save": "Save"})
    assert store().get(record.id).corrected_label == ""
    entries = LogEntry.objects.order_by("id").values_list("action_flag", "change_message")
    assert list(entries) == [
        (CHANGE, f"Corrected to {shown_label}."),
        (CHANGE, "Correction withdrawn."),
    ]
    assert f"Corrected to {shown_label}." in get(editor, page_of(record, "history"))


def test_a_correction_returns_to_the_same_page_of_the_list(editor: Client) -> None:
    record = append_records(1)[0]
    back = f"_changelist_filters=digit%3D7%26older%3D{record.id}"
    response = editor.post(f"{page_of(record)}?{back}", {"corrected_label": "1", "_save": "Save"})
    assert response["Location"] == f"{LIST}?digit=7&older={record.id}"


@pytest.mark.parametrize("label", ["10", "seven", "not a digit"])
def test_an_unknown_label_is_refused(editor: Client, label: str) -> None:
    record = append_records(1)[0]
    page = editor.post(page_of(record), {"corrected_label": label}).content.decode()
    assert "is not one of the available choices" in page
    assert store().get(record.id).corrected_label == ""


def test_nothing_else_can_be_changed(editor: Client) -> None:
    record = append_records(1)[0]
    editor.post(page_of(record), {"corrected_label": "1", "digit": "3", "confidence": "1"})
    after = store().get(record.id)
    assert (after.digit, after.confidence, after.corrected_label) == (7, 0.9, "1")
