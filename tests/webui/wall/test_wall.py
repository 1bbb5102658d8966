"""The wall: who may see it, what it shows, and what it costs."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings
from pytest_django.fixtures import DjangoAssertNumQueries

from tests.harness.drawings import SEVEN
from tests.webui.collection.participants import draw, join, open_session
from tests.webui.predictions import post
from tests.webui.records.factory import append_records, make_record
from tests.webui.staff import staff_client
from webui.records.database_store import DatabaseStore
from webui.records.models import Record
from webui.records.store import StoreUnavailable
from webui.wall.access import ATTEMPTS
from webui.wall.codes import make_code, plain
from webui.wall.selectors import SHOWN, SharedRead, latest

pytestmark = pytest.mark.django_db

CODE = "k7mp-x3qd"
LATEST = "/wall/latest"


@pytest.fixture
def code(settings: Settings) -> str:
    settings.WALL_CODE = CODE
    return CODE


@pytest.fixture
def viewer(code: str) -> Client:
    """A browser in which the class code was entered."""
    client = Client()
    assert client.post("/wall", {"code": code}).status_code == 302
    return client


def keep(*records: Record) -> None:
    for record in records:
        DatabaseStore().append(record)


class TestAccess:
    def test_without_a_code_it_is_for_staff_who_may_see_records(self) -> None:
        answer = Client().get("/wall")
        assert answer.status_code == 403
        assert "open to staff" in answer.content.decode()
        assert Client().get(LATEST).status_code == 403
        assert staff_client("ada").get("/wall").status_code == 403
        assert staff_client("bob", "view_record").get(LATEST).status_code == 200

    def test_an_empty_code_opens_nothing_where_none_is_set(self) -> None:
        assert Client().post("/wall", {"code": ""}).status_code == 403

    @pytest.mark.parametrize("typed", [CODE, "K7MP X3QD", " k7mpx3qd "])
    def test_the_code_opens_it_in_this_browser(self, code: str, typed: str) -> None:
        client = Client()
        assert "Class code" in client.get("/wall").content.decode()
        answer = client.post("/wall", {"code": typed})
        assert (answer.status_code, answer["Location"]) == (302, "/wall")
        assert client.cookies["wall"]["httponly"]
        assert code not in client.cookies["wall"].value
        assert client.get("/wall").status_code == 200
        assert client.get(LATEST).status_code == 200
        assert Client().get(LATEST).status_code == 403

    def test_a_wrong_code_is_refused_and_named(self, code: str) -> None:
        answer = Client().post("/wall", {"code": code[:-1]})
        assert answer.status_code == 403
        assert "not the class code" in answer.content.decode()
        assert "wall" not in answer.cookies

    @pytest.mark.parametrize("cookie", ["", "k7mp-x3qd", "a:b:c"])
    def test_a_forged_cookie_opens_nothing(self, code: str, cookie: str) -> None:
        client = Client()
        client.cookies["wall"] = cookie
        assert client.get(LATEST).status_code == 403

    def test_another_code_closes_it(self, viewer: Client, settings: Settings) -> None:
        settings.WALL_CODE = make_code()
        assert viewer.get(LATEST).status_code == 403

    def test_attempts_are_limited_even_for_the_right_code(self, code: str) -> None:
        client = Client()
        for _ in range(ATTEMPTS.count):
            assert client.post("/wall", {"code": "wrong-one"}).status_code == 403
        answer = client.post("/wall", {"code": code})
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) >= 1
        assert client.post("/wall", {"code": code}, REMOTE_ADDR="192.0.2.9").status_code == 302

    def test_another_sites_form_is_refused(self, code: str) -> None:
        client = Client(enforce_csrf_checks=True)
        assert client.post("/wall", {"code": code}).status_code == 403

    def test_made_codes_can_be_read_aloud(self) -> None:
        codes = {make_code() for _ in range(200)}
        assert len(codes) == 200
        assert not set("".join(codes)) & set("ilo01")
        assert {len(plain(each)) for each in codes} == {8}


class TestReadings:
    def test_they_show_the_answer_and_nothing_that_identifies_anybody(self, viewer: Client) -> None:
        digit = make_record(digit=3, confidence=0.914)
        unsure = make_record(digit=8, verdict="unsure", confidence=0.4)
        letter = make_record(digit=None, confidence=0.9996)
        keep(digit, unsure, letter)
        text = viewer.get(LATEST).content.decode()
        for shown in ("It is: 3", "91 %", "Unsure: 8?", "40 %", "Not a digit", "> 99.9 %"):
            assert shown.replace(">", "&gt;") in text
        assert text.index("Not a digit") < text.index("It is: 3")  # newest first
        assert text.count("data:image/png") == 3
        for record in (digit, unsure, letter):
            for private in (str(record.id), record.id.hex, record.visitor, record.model_label):
                assert private not in text
        assert "2026" not in text

    def test_a_reading_that_is_not_recorded_is_not_shown(
        self, viewer: Client, model: object
    ) -> None:
        picture = SimpleUploadedFile("seven.png", SEVEN)
        answer = viewer.post("/api/v1/readings", {"image": picture})
        assert answer.status_code == 200
        assert "<li" not in viewer.get(LATEST).content.decode()

    def test_a_drawing_that_its_owner_deletes_is_gone_at_the_next_refresh(
        self, viewer: Client, model: object
    ) -> None:
        owner = Client()
        made = post(owner)
        seen = viewer.get(LATEST)
        assert "<li" in seen.content.decode()
        assert owner.delete(f"/api/v1/predictions/{made.json()['id']}").status_code == 204
        gone = viewer.get(LATEST, headers={"If-None-Match": seen["ETag"]})
        assert gone.status_code == 200
        assert "<li" not in gone.content.decode()

    def test_what_has_not_changed_is_not_sent_again(self, viewer: Client) -> None:
        keep(make_record())
        first = viewer.get(LATEST)
        assert first["Cache-Control"] == "private, no-cache"
        again = viewer.get(LATEST, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        keep(make_record())
        newer = viewer.get(LATEST, headers={"If-None-Match": first["ETag"]})
        assert newer.status_code == 200
        assert newer["ETag"] != first["ETag"]

    @pytest.mark.usefixtures("model")
    def test_drawings_of_prompted_collection_are_left_out(
        self, viewer: Client, browser_client: Client
    ) -> None:
        open_session()
        number = join(browser_client).json()["prompt"]["number"]
        assert draw(browser_client, number).status_code == 201
        assert Record.objects.count() == 1
        assert "<li" not in viewer.get(LATEST).content.decode()
        keep(make_record())
        assert viewer.get(LATEST).content.decode().count("<li") == 1

    def test_the_cost_does_not_grow_with_the_records(
        self, viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        append_records(DatabaseStore(), 60)
        # The records, and which of them are prompted; with a code there is no session to look up.
        with django_assert_num_queries(2):
            text = viewer.get(LATEST).content.decode()
        assert text.count("<li") == SHOWN
        assert len(text) < 12_000  # 9 instances; 7 kB are measured

    def test_an_unavailable_store_is_said_and_not_shown_as_empty(
        self, viewer: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_args: object, **_more: object) -> None:
            raise StoreUnavailable("no node answers at 10.0.0.7")

        monkeypatch.setattr(DatabaseStore, "page", refuse)
        answer = viewer.get(LATEST)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "10.0.0.7" not in answer.content.decode()
        page = viewer.get("/wall")
        assert page.status_code == 200
        assert "Trying again" in page.content.decode()

    def test_the_page_has_address_and_qr_code(self, viewer: Client, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = ["192.168.1.7", "localhost"]
        text = viewer.get("/wall", headers={"host": "192.168.1.7:8000"}).content.decode()
        assert "http://192.168.1.7:8000<" in text
        assert "QR code of http://192.168.1.7:8000" in text
        assert "this machine only" not in text
        own = viewer.get("/wall", headers={"host": "localhost:8000"}).content.decode()
        assert "this machine only" in own
        assert ">pause</button>" in own
        headers = {"host": "localhost:8000", "accept-language": "de"}
        german = viewer.get("/wall", headers=headers).content.decode()
        catalog = german.partition('id="catalog"')[2].partition(">")[2].partition("<")[0]
        assert json.loads(catalog)["pause"] == "anhalten"


class TestSharedRead:
    def test_many_viewers_share_reads_and_nobody_gets_an_older_one(self) -> None:
        """Each result must be of a read that began after its viewer asked."""
        reads: list[float] = []

        def read() -> float:
            reads.append(time.monotonic())
            time.sleep(0.02)
            return reads[-1]

        shared = SharedRead(read)
        start = threading.Barrier(16)

        def ask(_number: int) -> bool:
            start.wait()
            fresh = []
            for _ in range(5):
                asked = time.monotonic()
                fresh.append(shared.get() >= asked)
            return all(fresh)

        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(ask, range(16)))
        assert len(reads) <= 40  # of 80 requests; 7 are measured

    def test_a_failed_read_fails_once_for_all_who_wait(self) -> None:
        reads = 0

        def read() -> None:
            nonlocal reads
            reads += 1
            time.sleep(0.05)
            raise StoreUnavailable("no node answers")

        shared = SharedRead(read)
        start = threading.Barrier(8)

        def ask(_number: int) -> bool:
            start.wait()
            try:
                shared.get()
            except StoreUnavailable:
                return True
            return False

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(ask, range(8)))
        assert reads <= 3

    def test_there_is_one_for_each_process(self) -> None:
        assert latest() is latest()
