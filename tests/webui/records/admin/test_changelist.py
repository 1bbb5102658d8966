"""The list of records: rows, pages, filters and search."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests.webui.records.admin.browsing import (
    LIST,
    append_records,
    get,
    has_link,
    link,
    messages_of,
    page_of,
    shown,
)
from tests.webui.records.factory import NOON, id_at, make_record
from webui.records.store import store

pytestmark = pytest.mark.django_db


def test_a_row_shows_the_prediction_and_its_correction(editor: Client) -> None:
    record = make_record(at=NOON, digit=4, confidence=0.876, model_version=12)
    store().append(record)
    store().correct(record.id, label="not_a_digit", by="ada", at=timezone.now())
    page = get(editor, LIST)
    assert shown(page) == [record.id]
    for part in ("2026-03-14 12:00:00", ">4<", "87.6%", "12 (stable)", "to not a digit"):
        assert part in page
    assert 'src="data:image/png;base64,' in page


def test_each_verdict_has_its_own_text(editor: Client) -> None:
    for digit, verdict in ((4, "digit"), (5, "unsure"), (None, "not_a_digit")):
        store().append(make_record(digit=digit, verdict=verdict))
    page = get(editor, LIST)
    assert re.findall(r'record-predicted-(\w+)">([^<]+)<', page) == [
        ("not_a_digit", "not a digit"),
        ("unsure", "5?"),
        ("digit", "4"),
    ]


def test_an_empty_list_says_that_it_is_empty(editor: Client) -> None:
    assert "No drawing has been read yet." in get(editor, LIST)
    assert "No record fits these filters." in get(editor, f"{LIST}?digit=3")


def test_pages_link_to_newer_and_older_pages(editor: Client, small_pages: None) -> None:
    expected = [record.id for record in append_records(8)]
    first = get(editor, LIST)
    assert shown(first) == expected[:3]
    assert not has_link(first, "Newer")
    assert not has_link(first, "Newest")
    second = get(editor, LIST + link(first, "Older"))
    third = get(editor, LIST + link(second, "Older"))
    assert (shown(second), shown(third)) == (expected[3:6], expected[6:])
    assert not has_link(third, "Older")
    assert shown(get(editor, LIST + link(third, "Newer"))) == expected[3:6]
    assert shown(get(editor, LIST + link(third, "Newest"))) == expected[:3]


def test_the_newest_page_is_full_even_when_reached_by_newer(
    editor: Client, small_pages: None
) -> None:
    expected = [record.id for record in append_records(8)]
    page = get(editor, f"{LIST}?newer={expected[1]}")  # one record is newer
    assert shown(page) == expected[:3]
    assert not has_link(page, "Newer")
    assert not has_link(page, "Newest")


def test_links_keep_the_filters_and_filters_drop_the_cursor(
    editor: Client, small_pages: None
) -> None:
    append_records(8, digit=3)
    append_records(1, digit=4)
    page = get(editor, f"{LIST}?digit=3&day=2026-03-14")
    assert link(page, "Older").startswith("?day=2026-03-14&digit=3&older=")
    page = get(editor, LIST + link(page, "Older"))
    assert link(page, "Newest") == "?day=2026-03-14&digit=3"
    assert link(page, "Unsure") == "?day=2026-03-14&digit=3&verdict=unsure"
    assert link(page, "Today") == "?day=today&digit=3"
    assert link(page, "Newer").startswith("?day=2026-03-14&digit=3&newer=")
    assert '<input type="hidden" name="digit" value="3">' in page  # in the date picker's form


def test_a_page_past_the_end_says_so(editor: Client) -> None:
    assert "There is nothing older." in get(editor, f"{LIST}?older={id_at(NOON)}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("digit=3", ["3 of v1", "3 unsure"]),
        ("verdict=unsure", ["3 unsure"]),
        ("verdict=not_a_digit", ["none"]),
        ("version=1", ["3 of v1", "yesterday's"]),
        ("digit=3&verdict=digit&version=1", ["3 of v1"]),
        ("version=77", []),
        ("day=2026-03-13", ["yesterday's"]),
        ("day=today", ["now"]),
    ],
)
def test_filters(editor: Client, query: str, expected: list[str]) -> None:
    records = {
        "yesterday's": make_record(at=NOON - timedelta(days=1), digit=5, model_version=1),
        "3 of v1": make_record(at=NOON, digit=3, model_version=1),
        "3 unsure": make_record(at=NOON + timedelta(hours=1), digit=3, verdict="unsure"),
        "none": make_record(at=NOON + timedelta(hours=2), digit=None),
        "now": make_record(digit=9),
    }
    for record in records.values():
        store().append(record)
    page = get(editor, f"{LIST}?{query}")
    assert sorted(shown(page)) == sorted(records[name].id for name in expected)


def test_day_shortcuts_are_days_of_utc(editor: Client) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    records = {
        days: make_record(at=today - timedelta(days=days, microseconds=-1)) for days in range(9)
    }
    for record in records.values():
        store().append(record)
    for shortcut, days in (("today", [0]), ("yesterday", [1]), ("7days", range(7))):
        page = get(editor, f"{LIST}?day={shortcut}")
        assert shown(page) == [records[day].id for day in days], shortcut


@pytest.mark.parametrize(
    ("query", "says", "goes_to"),
    [
        ("day=yesteryear&digit=3", "“yesteryear” is not a day; a day is written like", "?digit=3"),
        ("day=9999-12-31", "is not a day", ""),
        ("digit=10", "“10” is not a digit; a digit is 0 to 9", ""),
        ("digit=٣", "is not a digit", ""),
        ("verdict=maybe", "there are digit, unsure, not_a_digit", ""),
        ("version=latest", "a version is a number like 2", ""),
        ("version=99999999999999999999", "is not a model version", ""),
        ("older=7&version=2", "“7” is not a place in the list", "?version=2"),
        (f"newer={uuid4()}", "is not a place in the list", ""),
        (f"older={id_at(NOON)}&newer={id_at(NOON)}", "not both", f"?older={'.' * 36}"),
        ("q=1234", "“1234” is not a record id; an id looks like", ""),
        (f"q={id_at(NOON)}", "There is no record", ""),
        (f"q={uuid4()}&digit=3", "There is no record", "?digit=3"),
    ],
)
def test_an_invalid_parameter_is_reported_and_dropped(
    editor: Client, query: str, says: str, goes_to: str
) -> None:
    response = editor.get(f"{LIST}?{query}")
    assert response.status_code == 302
    assert re.fullmatch(re.escape(LIST) + goes_to.replace("?", r"\?"), response["Location"])
    assert says in messages_of(get(editor, response["Location"]))


def test_an_unknown_filter_is_refused(editor: Client) -> None:
    assert editor.get(f"{LIST}?confidence__gt=1").status_code in {302, 400}


def test_search_by_id_opens_the_record(editor: Client) -> None:
    record = append_records(1)[0]
    for text in (str(record.id), record.id.hex, f" {str(record.id).upper()} "):
        response = editor.get(LIST, {"q": text, "digit": "3"})
        assert (response.status_code, response["Location"]) == (302, page_of(record))


def test_the_list_costs_the_same_however_long_it_is(
    editor: Client, small_pages: None, django_assert_max_num_queries: object
) -> None:
    append_records(30)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        # session, user, permissions (2), versions for the filter, the page
        get(editor, LIST)
