"""The admin's pages on top of the store, and that they know nothing but the store."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.webui.records.factory import NOON, drawn_picture, id_at, make_record
from webui.records.admin import RecordAdmin
from webui.records.models import Record
from webui.records.store import (
    Filters,
    Page,
    Recorded,
    RecordNotFound,
    RecordStore,
    StoreUnavailable,
    store,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/records/record/"


def staff(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=[f"{one}_record" for one in permissions])
    )
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def editor() -> Client:
    return staff("ada", "view", "change", "delete")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecordAdmin, "list_per_page", 3)


def keep(count: int, **changed: object) -> list[Record]:
    """Newest first, an hour apart."""
    made = [make_record(at=NOON + n * timedelta(hours=1), **changed) for n in range(count)]
    for record in made:
        store().append(record)
    return made[::-1]


def shown(page: str) -> list[UUID]:
    """Ids in the list's rows, as they stand."""
    ids = re.findall(r'name="_selected_action" value="([^"]+)"', page)
    return [UUID(text) for text in ids]


def get(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, response
    return response.content.decode()


def link(page: str, text: str) -> str | None:
    found = re.search(rf'<a href="([^"]*)"[^>]*>\s*{text}\s*</a>', page)
    return None if found is None else unescape(found[1])


def messages_of(page: str) -> str:
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', page, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", found[1])) if found else ""


def one(record: Record, view: str = "change") -> str:
    return f"{LIST}{record.id}/{view}/"


# --- the list --------------------------------------------------------------------------------


def test_shows_what_there_is_to_a_row(editor: Client) -> None:
    record = make_record(at=NOON, digit=4, confidence=0.876, model_version=12)
    store().append(record)
    store().correct(record.id, label="not_a_digit", by="ada", at=timezone.now())
    page = get(editor, LIST)
    assert shown(page) == [record.id]
    for part in ("2026-03-14 12:00:00", ">4<", "87.6%", "12 (stable)", "to not a digit"):
        assert part in page
    assert 'src="data:image/png;base64,' in page


def test_says_what_was_said_in_each_way(editor: Client) -> None:
    for digit, verdict in ((4, "digit"), (5, "unsure"), (None, "not_a_digit")):
        store().append(make_record(digit=digit, verdict=verdict))
    page = get(editor, LIST)
    assert re.findall(r'record-said-(\w+)">([^<]+)<', page) == [
        ("not_a_digit", "not a digit"),
        ("unsure", "5?"),
        ("digit", "4"),
    ]


def test_an_empty_list_says_so(editor: Client) -> None:
    assert "No drawing has been read yet." in get(editor, LIST)
    assert "No record fits these filters." in get(editor, f"{LIST}?digit=3")


def test_pages_lead_to_their_neighbours(editor: Client, small_pages: None) -> None:
    kept = [record.id for record in keep(8)]
    first = get(editor, LIST)
    assert (shown(first), link(first, "Newer"), link(first, "Newest")) == (kept[:3], None, None)
    second = get(editor, LIST + link(first, "Older"))
    third = get(editor, LIST + link(second, "Older"))
    assert (shown(second), shown(third), link(third, "Older")) == (kept[3:6], kept[6:], None)
    assert shown(get(editor, LIST + link(third, "Newer"))) == kept[3:6]
    assert shown(get(editor, LIST + link(third, "Newest"))) == kept[:3]


def test_the_newest_page_is_full_even_when_reached_from_below(
    editor: Client, small_pages: None
) -> None:
    kept = [record.id for record in keep(8)]
    page = get(editor, f"{LIST}?newer={kept[1]}")  # one record is newer
    assert (shown(page), link(page, "Newer"), link(page, "Newest")) == (kept[:3], None, None)


def test_links_keep_the_filters_and_filters_drop_the_place(
    editor: Client, small_pages: None
) -> None:
    keep(8, digit=3)
    keep(1, digit=4)
    page = get(editor, f"{LIST}?digit=3&day=2026-03-14")
    assert link(page, "Older").startswith("?day=2026-03-14&digit=3&older=")
    page = get(editor, LIST + link(page, "Older"))
    assert link(page, "Newest") == "?day=2026-03-14&digit=3"
    assert link(page, "Unsure") == "?day=2026-03-14&digit=3&verdict=unsure"
    assert link(page, "Today") == "?day=today&digit=3"
    assert link(page, "Newer").startswith("?day=2026-03-14&digit=3&newer=")
    assert '<input type="hidden" name="digit" value="3">' in page  # in the date picker's form


def test_past_the_end_says_so(editor: Client) -> None:
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
    made = {
        "yesterday's": make_record(at=NOON - timedelta(days=1), digit=5, model_version=1),
        "3 of v1": make_record(at=NOON, digit=3, model_version=1),
        "3 unsure": make_record(at=NOON + timedelta(hours=1), digit=3, verdict="unsure"),
        "none": make_record(at=NOON + timedelta(hours=2), digit=None),
        "now": make_record(digit=9),
    }
    for record in made.values():
        store().append(record)
    page = get(editor, f"{LIST}?{query}")
    assert sorted(shown(page)) == sorted(made[name].id for name in expected)


def test_day_shortcuts_are_days_of_utc(editor: Client) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    made = {
        days: make_record(at=today - timedelta(days=days, microseconds=-1)) for days in range(9)
    }
    for record in made.values():
        store().append(record)
    for shortcut, days in (("today", [0]), ("yesterday", [1]), ("7days", range(7))):
        page = get(editor, f"{LIST}?day={shortcut}")
        assert shown(page) == [made[day].id for day in days], shortcut


@pytest.mark.parametrize(
    ("query", "says", "goes_to"),
    [
        ("day=yesteryear&digit=3", "“yesteryear” is no day; a day is written like", "?digit=3"),
        ("day=9999-12-31", "is no day", ""),
        ("digit=10", "“10” is no digit; a digit is 0 to 9", ""),
        ("digit=٣", "is no digit", ""),
        ("verdict=maybe", "there are digit, unsure, not_a_digit", ""),
        ("version=latest", "a version is a number like 2", ""),
        ("version=99999999999999999999", "is no model version", ""),
        ("older=7&version=2", "“7” is no place in the list", "?version=2"),
        (f"newer={uuid4()}", "is no place in the list", ""),
        (f"older={id_at(NOON)}&newer={id_at(NOON)}", "not both", f"?older={'.' * 36}"),
        ("q=1234", "“1234” is no record id; an id looks like", ""),
        (f"q={id_at(NOON)}", "There is no record", ""),
        (f"q={uuid4()}&digit=3", "There is no record", "?digit=3"),
    ],
)
def test_what_cannot_be_meant_is_said_and_left_out(
    editor: Client, query: str, says: str, goes_to: str
) -> None:
    response = editor.get(f"{LIST}?{query}")
    assert response.status_code == 302
    assert re.fullmatch(re.escape(LIST) + goes_to.replace("?", r"\?"), response["Location"])
    assert says in messages_of(get(editor, response["Location"]))


def test_filters_that_there_are_not_are_refused(editor: Client) -> None:
    assert editor.get(f"{LIST}?confidence__gt=1").status_code in {302, 400}


def test_search_goes_to_the_record(editor: Client) -> None:
    record = keep(1)[0]
    for text in (str(record.id), record.id.hex, f" {str(record.id).upper()} "):
        response = editor.get(LIST, {"q": text, "digit": "3"})
        assert (response.status_code, response["Location"]) == (302, one(record))


def test_the_list_costs_the_same_however_long_it_is(
    editor: Client, small_pages: None, django_assert_max_num_queries: object
) -> None:
    keep(30)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        # session, user, permissions (2), versions for the filter, the page
        get(editor, LIST)


# --- one record ------------------------------------------------------------------------------


def test_shows_all_of_a_record(editor: Client) -> None:
    record = make_record(at=NOON, digit=2)
    store().append(record)
    page = get(editor, one(record))
    for part in (str(record.id), record.visitor, "12:00:00", "version 2", "3.5 ms", "90.0%"):
        assert part in page
    assert len(re.findall(r'<meter min="0" max="1" value="0\.\d{6}"', page)) == 11
    assert len(re.findall(r"<polyline", page)) == 2
    assert f'src="{one(record, "picture")}"' in page
    assert "style=" not in page  # the page's policy forbids it
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page)


def test_shows_a_record_that_has_little(editor: Client) -> None:
    record = make_record(
        digit=None, ink=None, visitor="", instance=b"", picture=b"", probabilities=[0.1] * 10
    )
    store().append(record)
    page = get(editor, one(record))
    assert page.count("not kept any more") == 2
    assert "<svg" not in page.split('<section class="record-pictures"')[1].split("</section>")[0]
    assert page.count("<meter") == 10
    assert "–" in get(editor, LIST)


@pytest.mark.parametrize(
    "ink", [[], [[]], [[[5, 5, 0]]], [[[5, 5, 0], [5, 5, 9]]], [[[1e-3, 2e5, 0], [3, 4, 1]]]]
)
def test_draws_any_ink(editor: Client, ink: list) -> None:
    record = make_record(ink=ink)
    store().append(record)
    get(editor, one(record))


def test_a_record_that_is_not_there_is_said_so(editor: Client) -> None:
    for text in (str(id_at(NOON)), str(uuid4()), "7", "drop_table"):
        response = editor.get(f"{LIST}{text}/change/", follow=True)
        assert "doesn’t exist. Perhaps it was deleted?" in messages_of(response.content.decode())


def test_the_picture_is_served_so_that_it_can_only_be_looked_at(editor: Client) -> None:
    record = keep(1)[0]
    response = editor.get(one(record, "picture"))
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
def test_a_picture_is_what_its_bytes_say(editor: Client, picture: bytes, kind: str) -> None:
    record = make_record(picture=picture)
    store().append(record)
    response = editor.get(one(record, "picture"))
    assert response["Content-Type"] == kind
    assert ("Content-Disposition" in response) == (kind == "application/octet-stream")


def test_a_picture_that_is_not_there(editor: Client) -> None:
    record = make_record(picture=b"")
    store().append(record)
    assert editor.get(one(record, "picture")).status_code == 404
    assert editor.get(f"{LIST}{uuid4()}/picture/").status_code == 404


# --- corrections -----------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["0", "9", "not_a_digit"])
def test_corrects_and_takes_back_and_logs_both(editor: Client, label: str) -> None:
    record = keep(1)[0]
    editor.post(one(record), {"corrected_label": label, "_save": "Save"})
    corrected = store().get(record.id)
    assert (corrected.corrected_label, corrected.corrected_by) == (label, "ada")
    assert corrected.corrected_at is not None
    shown_label = label.replace("_", " ")
    page = get(editor, one(record))
    assert f"Corrected to <strong>{shown_label}</strong> by ada" in page
    editor.post(one(record), {"corrected_label": "", "_save": "Save"})
    assert store().get(record.id).corrected_label == ""
    entries = LogEntry.objects.order_by("id").values_list("action_flag", "change_message")
    assert list(entries) == [
        (CHANGE, f"Corrected to {shown_label}."),
        (CHANGE, "Correction taken back."),
    ]
    assert f"Corrected to {shown_label}." in get(editor, one(record, "history"))


def test_a_correction_goes_back_to_where_the_list_was(editor: Client) -> None:
    record = keep(1)[0]
    back = f"_changelist_filters=digit%3D7%26older%3D{record.id}"
    response = editor.post(f"{one(record)}?{back}", {"corrected_label": "1", "_save": "Save"})
    assert response["Location"] == f"{LIST}?digit=7&older={record.id}"


@pytest.mark.parametrize("label", ["10", "seven", "not a digit"])
def test_a_label_that_there_is_not_is_refused(editor: Client, label: str) -> None:
    record = keep(1)[0]
    page = editor.post(one(record), {"corrected_label": label}).content.decode()
    assert "is not one of the available choices" in page
    assert store().get(record.id).corrected_label == ""


def test_nothing_else_can_be_changed(editor: Client) -> None:
    record = keep(1)[0]
    editor.post(one(record), {"corrected_label": "1", "digit": "3", "confidence": "1"})
    after = store().get(record.id)
    assert (after.digit, after.confidence, after.corrected_label) == (7, 0.9, "1")


# --- deletions -------------------------------------------------------------------------------


def test_deletes_one_after_asking(editor: Client) -> None:
    newest, oldest = keep(2)
    assert "Are you sure" in get(editor, one(newest, "delete"))
    assert store().get(newest.id)
    editor.post(one(newest, "delete"), {"post": "yes"})
    assert [record.id for record in store().scan(Filters())] == [oldest.id]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_id) == (DELETION, str(newest.id))


def test_deletes_some_after_asking(editor: Client) -> None:
    newest, middle, oldest = keep(3)
    chosen = {
        "action": "delete_selected",
        "_selected_action": [str(newest.id), str(oldest.id), str(uuid4()), "nonsense"],
    }
    page = editor.post(LIST, chosen).content.decode()
    assert "Are you sure you want to delete the selected records?" in page
    assert page.count('name="_selected_action"') == 2
    assert len(list(store().scan(Filters()))) == 3
    response = editor.post(LIST, {**chosen, "post": "yes"}, follow=True)
    assert "Successfully deleted 2 records." in messages_of(response.content.decode())
    assert [record.id for record in store().scan(Filters())] == [middle.id]
    logged = LogEntry.objects.filter(action_flag=DELETION).values_list("object_id", flat=True)
    assert sorted(logged) == sorted([str(newest.id), str(oldest.id)])


def test_selecting_across_pages_deletes_nothing_unseen(editor: Client) -> None:
    kept = keep(4)
    editor.post(
        LIST,
        {
            "action": "delete_selected",
            "_selected_action": [str(kept[0].id)],
            "select_across": "1",
            "post": "yes",
        },
    )
    assert len(list(store().scan(Filters()))) == 4


# --- permissions -----------------------------------------------------------------------------


def test_who_may_only_look_can_only_look() -> None:
    viewer = staff("vera", "view")
    record = keep(1)[0]
    page = get(viewer, LIST)
    assert "delete_selected" not in page
    assert str(record.id) in page
    page = get(viewer, one(record))
    assert 'name="corrected_label"' not in page
    assert "Delete" not in page
    assert viewer.get(one(record, "picture")).status_code == 200
    assert viewer.post(one(record), {"corrected_label": "1"}).status_code == 403
    assert viewer.post(one(record, "delete"), {"post": "yes"}).status_code == 403
    viewer.post(
        LIST, {"action": "delete_selected", "_selected_action": [str(record.id)], "post": "yes"}
    )
    assert store().get(record.id).corrected_label == ""


def test_who_may_change_may_not_delete() -> None:
    changer = staff("carl", "view", "change")
    record = keep(1)[0]
    assert 'name="corrected_label"' in get(changer, one(record))
    assert changer.get(one(record, "delete")).status_code == 403


@pytest.mark.parametrize("address", [LIST, "change", "picture", "delete", "history"])
def test_who_may_not_look_sees_nothing(address: str) -> None:
    record = keep(1)[0]
    path = address if address == LIST else one(record, address)
    assert staff("nobody").get(path).status_code == 403
    assert Client().get(path)["Location"].startswith("/admin/login/")
    assert staff("seeker").get(f"{LIST}?q={record.id}").status_code == 403


def test_nobody_adds_records(admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert not LogEntry.objects.filter(action_flag=ADDITION).exists()


# --- the store, and nothing but the store ----------------------------------------------------


class StoreInMemory:
    """A store without any table: what the admin needs must all come from here."""

    def __init__(self) -> None:
        self.records: dict[UUID, Record] = {}
        self.away = False
        self.spooled = 0

    def _refuse_if_away(self) -> None:
        if self.away:
            raise StoreUnavailable("no host of 10.0.0.1, 10.0.0.2 answers")

    def append(self, record: Record) -> Recorded:
        self.records[record.id] = record
        return Recorded.STORED

    def get(self, record_id: UUID) -> Record:
        self._refuse_if_away()
        if record_id not in self.records:
            raise RecordNotFound(record_id)
        return self.records[record_id]

    def correct(self, record_id: UUID, *, label: str, by: str, at: datetime) -> Recorded:
        self._refuse_if_away()
        record = self.get(record_id)
        record.corrected_label, record.corrected_by, record.corrected_at = label, by, at
        return Recorded.SPOOLED

    def delete(self, record_ids: list[UUID]) -> Recorded:
        self._refuse_if_away()
        for record_id in record_ids:
            self.records.pop(record_id, None)
        return Recorded.SPOOLED

    def page(self, filters: Filters, *, size: int, **cursors: UUID | None) -> Page:
        self._refuse_if_away()
        newest = sorted(self.records.values(), key=lambda record: record.predicted_at)[::-1]
        return Page(records=newest[:size])

    def scan(self, filters: Filters, *, pictures: bool = True) -> Iterator[Record]:
        self._refuse_if_away()
        return iter(self.records.values())

    def model_versions(self) -> list[int]:
        self._refuse_if_away()
        return [2]

    def pending(self) -> int:
        return self.spooled

    def check(self) -> None:
        self._refuse_if_away()


@pytest.fixture
def elsewhere(settings: object) -> Iterator[StoreInMemory]:
    """The site with another store; the table of the embedded one does not even exist."""
    made = StoreInMemory()
    settings.RECORD_STORE = f"{__name__}.shared_store"  # type: ignore[attr-defined]
    SHARED[:] = [made]
    store.cache_clear()
    with connection.schema_editor() as editor:
        editor.alter_db_table(Record, "record_data", "record_data_hidden")
    yield made
    with connection.schema_editor() as editor:
        editor.alter_db_table(Record, "record_data_hidden", "record_data")
    store.cache_clear()


SHARED: list[StoreInMemory] = []


def shared_store() -> RecordStore:
    """What `RECORD_STORE` names in these tests."""
    return SHARED[0]


@pytest.mark.django_db(transaction=True)
class TestElsewhere:
    """With a store that is not the default database."""

    def test_every_page_comes_from_the_store(
        self, elsewhere: StoreInMemory, editor: Client
    ) -> None:
        record, other = make_record(), make_record()
        elsewhere.append(record)
        elsewhere.append(other)
        assert sorted(shown(get(editor, LIST))) == sorted([record.id, other.id])
        for view in ("change", "history", "delete", "picture"):
            assert editor.get(one(record, view)).status_code == 200
        response = editor.post(one(record), {"corrected_label": "3"}, follow=True)
        said = messages_of(response.content.decode())
        assert "was changed successfully" in said
        assert "Cassandra is away: this waits in the spool" in said
        assert elsewhere.get(record.id).corrected_label == "3"
        editor.post(one(record, "delete"), {"post": "yes"})
        chosen = {"action": "delete_selected", "_selected_action": [str(other.id)]}
        assert "Are you sure" in editor.post(LIST, chosen).content.decode()
        editor.post(LIST, {**chosen, "post": "yes"})
        assert elsewhere.records == {}

    def test_says_how_many_wait(self, elsewhere: StoreInMemory, editor: Client) -> None:
        assert "in the spool" not in get(editor, LIST)
        elsewhere.spooled = 1
        assert "1 event waits in the spool until Cassandra is back" in get(editor, LIST)
        elsewhere.spooled = 12
        assert "12 events wait in the spool" in get(editor, LIST)

    @pytest.mark.parametrize("view", ["list", "change", "history", "delete", "picture", "search"])
    def test_is_kind_while_the_store_is_away(
        self, elsewhere: StoreInMemory, editor: Client, view: str
    ) -> None:
        record = make_record()
        elsewhere.append(record)
        elsewhere.away, elsewhere.spooled = True, 3
        path = {"list": LIST, "search": f"{LIST}?q={record.id}"}.get(view) or one(record, view)
        response = editor.get(path)
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        page = response.content.decode()
        assert "Records cannot be read just now" in page
        assert "3 events wait in the spool" in page
        assert f'href="{path}"' in page  # try again
        assert "10.0.0.1" not in page  # what goes on inside is for the log

    def test_what_fails_is_not_logged_as_done(
        self, elsewhere: StoreInMemory, editor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = make_record()
        elsewhere.append(record)

        def refuse(*_: object, **__: object) -> None:
            raise StoreUnavailable("away")

        monkeypatch.setattr(elsewhere, "delete", refuse)
        monkeypatch.setattr(elsewhere, "correct", refuse)
        chosen = {"action": "delete_selected", "_selected_action": [str(record.id)], "post": "y"}
        for path, sent in (
            (LIST, chosen),
            (one(record, "delete"), {"post": "yes"}),
            (one(record), {"corrected_label": "3"}),
        ):
            assert editor.post(path, sent).status_code == 503
        assert not LogEntry.objects.exists()

    def test_a_record_deleted_meanwhile_is_said_to_be_gone(
        self, elsewhere: StoreInMemory, editor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = make_record()
        elsewhere.append(record)

        def gone(*_: object, **__: object) -> None:
            raise RecordNotFound(record.id)

        monkeypatch.setattr(elsewhere, "correct", gone)
        response = editor.post(one(record), {"corrected_label": "3"}, follow=True)
        assert "Perhaps it was deleted?" in messages_of(response.content.decode())
