"""Filters beyond the stores' own, neighbours of a record, and downloads of the filtered list."""

import csv
import gzip
import io
import json
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest
from django.test import Client

from tests.webui.records.admin.browsing import (
    LIST,
    append_records,
    get,
    has_link,
    link,
    messages_of,
    page_of,
    shown,
    staff,
)
from webui.records.exports import IMAGES_FILE, LABELS_FILE
from webui.records.models import Verdict
from webui.records.store import Filters, StoreUnavailable, store
from webui.review import services

EXPORT = f"{LIST}export/"


def downloaded(client: Client, query: str) -> bytes:
    response = client.get(f"{EXPORT}?{query}")
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith('attachment; filename="records-')
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_records_are_filtered_by_correction_confidence_and_review(editor: Client) -> None:
    (plain,) = append_records(1, confidence=0.95)
    (corrected,) = append_records(1, confidence=0.5, corrected_label="1")
    (confirmed,) = append_records(1, confidence=0.7, corrected_label="7")
    (reviewed,) = append_records(1, confidence=0.2)
    services.decide(reviewed.id, label="3", reviewer="ada")
    services.decide(corrected.id, label="rejected", reviewer="ada")
    services.decide(confirmed.id, label="7", reviewer="ada")
    services.decide(confirmed.id, label="1", reviewer="bob")
    for query, expected in {
        "correction=corrected": {corrected},
        "correction=confirmed": {confirmed},
        "correction=none": {plain, reviewed},
        "confidence=0-50": {corrected, reviewed},
        "confidence=50-90": {corrected, confirmed},
        "confidence=94.9-95.1": {plain},
        "reviewed=yes": {corrected, confirmed, reviewed},
        "reviewed=no": {plain},
        "reviewed=disputed": {confirmed},
        "reviewed=wrong": {reviewed},
        "reviewed=yes&confidence=0-60&correction=none": {reviewed},
    }.items():
        page = get(editor, f"{LIST}?{query}")
        assert set(shown(page)) == {record.id for record in expected}, query


def test_the_form_of_a_range_leads_to_the_list(editor: Client) -> None:
    response = editor.get(f"{LIST}?verdict=digit&confidence_from=20&confidence_to=")
    assert response["Location"] == f"{LIST}?verdict=digit&confidence=20-100"


@pytest.mark.parametrize("query", ["correction=x", "confidence=9-3", "confidence=-5", "reviewed=?"])
def test_an_invalid_filter_is_told(editor: Client, query: str) -> None:
    page = editor.get(f"{LIST}?{query}", follow=True).content.decode()
    assert "is not a" in messages_of(page)


def test_a_record_leads_to_its_neighbours_in_the_list(editor: Client) -> None:
    seven, *_ = append_records(1, digit=7)
    append_records(3, digit=3)
    records = list(store().scan(Filters(digit=3), pictures=False))
    filters = "_changelist_filters=digit%3D3%26confidence%3D50-100"
    page = get(editor, f"{page_of(records[1])}?{filters}")
    assert link(page, "Newer record") == f"{page_of(records[0])}?{filters}"
    assert link(page, "Older record") == f"{page_of(records[2])}?{filters}"
    assert not has_link(get(editor, f"{page_of(records[2])}?{filters}"), "Older record")
    assert get(editor, f"{page_of(seven)}?_changelist_filters=digit%3Dx%26nothing%3D1")


def test_the_list_is_downloaded_as_json_lines_and_csv(editor: Client) -> None:
    (corrected,) = append_records(1, corrected_label="1", corrected_by="=1+1")
    (other,) = append_records(1)
    services.decide(other.id, label="4", reviewer="ada")
    append_records(1, digit=3)
    lines = [json.loads(line) for line in downloaded(editor, "format=jsonl&digit=7").splitlines()]
    assert {(line["id"], line["label"]) for line in lines} == {
        (str(corrected.id), "1"),
        (str(other.id), "4"),
    }
    assert all(line["picture"] and line["ink"] for line in lines)
    table = downloaded(editor, "format=csv&digit=7&correction=corrected").decode()
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["id"], row["label"], row["corrected_by"]) == (str(corrected.id), "1", "'=1+1")
    assert "picture" not in row


def test_the_list_is_downloaded_in_mnists_format(editor: Client) -> None:
    append_records(3)
    append_records(1, verdict=Verdict.UNSURE)
    (rejected,) = append_records(1)
    services.decide(rejected.id, label="rejected", reviewer="ada")
    packed = zipfile.ZipFile(io.BytesIO(downloaded(editor, "format=idx")))
    labels = np.frombuffer(gzip.decompress(packed.read(LABELS_FILE))[8:], np.uint8)
    images = gzip.decompress(packed.read(IMAGES_FILE))
    assert labels.tolist() == [7, 7, 7]
    assert len(images) == 16 + 3 * 784


def test_an_empty_list_is_an_empty_file(editor: Client) -> None:
    for kind in ("csv", "jsonl"):
        assert downloaded(editor, f"format={kind}") == b""
    assert downloaded(editor, "format=idx").startswith(b"PK")


def test_a_download_needs_the_permission_to_view(db: None) -> None:
    assert staff("bob", "delete").get(f"{EXPORT}?format=csv").status_code == 403
    assert Client().get(f"{EXPORT}?format=csv").status_code == 302
    viewer = staff("eve", "view")
    assert viewer.get(f"{EXPORT}?format=pdf").status_code == 404
    assert viewer.get(f"{EXPORT}?format=csv&digit=x").status_code == 302


def test_an_unavailable_store_is_told_before_the_file_begins(
    editor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(store(), "scan", refuse)
    for kind in ("csv", "jsonl", "idx"):
        assert editor.get(f"{EXPORT}?format={kind}").status_code == 503


def test_memory_does_not_grow_with_the_list(editor: Client) -> None:
    """Measured: the peak of the second half is that of the first, about 3 MB with Django's."""
    append_records(1000, picture=b"\x89PNG\r\n\x1a\n" + bytes(20_000))
    response = editor.get(f"{EXPORT}?format=jsonl")
    chunks = iter(response.streaming_content)  # type: ignore[attr-defined]
    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in chunks)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 26_000_000
    assert peak < size / 2
