"""Deletion for good, bounded waits, and room on the disk."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client

from tests.webui.database.files import found_in_files
from tests.webui.records.factory import make_record
from webui.access.keys import create_key
from webui.database import maintenance
from webui.database.maintenance import DiskFull, require_room, waiting_at_most
from webui.database.options import WAIT_SECONDS, with_options
from webui.database.reserve import give_up_reserve, keep_reserve
from webui.records.database_store import DatabaseStore
from webui.records.models import Record
from webui.records.store import StoreUnavailable

only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's files")
pytestmark = pytest.mark.django_db(transaction=True)
# What a wait on two busy cores may take beside the wait itself.
SLACK_SECONDS = 2.5


@contextmanager
def locked() -> Iterator[None]:
    """Holds SQLite's write lock, as another process would."""
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# --- deletion for good ----------------------------------------------------------------------


@only_sqlite
@pytest.mark.parametrize("size", [300, 30_000], ids=["within a page", "on pages of its own"])
@pytest.mark.parametrize("copied", [False, True], ids=["in the log", "in the database"])
def test_a_deleted_drawing_is_in_none_of_the_files(size: int, copied: bool) -> None:
    store = DatabaseStore()
    secret = os.urandom(32)
    record = make_record(picture=(secret * (size // 32 + 1))[:size])
    store.append(record)
    if copied:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert found_in_files(secret)
    store.delete([record.id])
    assert found_in_files(secret) == []


@only_sqlite
def test_within_a_transaction_the_files_are_emptied_after_it() -> None:
    """The admin deletes records in a transaction, with the lines of its log."""
    store = DatabaseStore()
    secret = os.urandom(32)
    record = make_record(picture=secret * 20)
    store.append(record)
    with transaction.atomic():
        store.delete([record.id])
    assert found_in_files(secret) == []


@only_sqlite
def test_a_reader_of_the_log_delays_nothing_but_the_emptying() -> None:
    store = DatabaseStore()
    secret = os.urandom(32)
    record = make_record(picture=secret * 20)
    store.append(record)
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record_data").fetchone()
        started = time.monotonic()
        store.delete([record.id])
        assert time.monotonic() - started < maintenance.ERASE_WAIT_SECONDS + SLACK_SECONDS
        assert found_in_files(secret)
        reader.execute("COMMIT")
    maintenance.erase_deleted()
    assert found_in_files(secret) == []


# --- bounded waits --------------------------------------------------------------------------


class Wait(NamedTuple):
    least: float
    most: float


@only_sqlite
def test_a_writer_waits_for_seconds_and_not_for_twenty() -> None:
    wait = Wait(WAIT_SECONDS - 1, WAIT_SECONDS + SLACK_SECONDS)
    with locked():
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="locked"):
            DatabaseStore().append(make_record())
        assert wait.least < time.monotonic() - started < wait.most


def test_the_usual_wait_is_back_after_a_shorter_one() -> None:
    def setting() -> str:
        query = "PRAGMA busy_timeout" if connection.vendor == "sqlite" else "SHOW lock_timeout"
        with connection.cursor() as cursor:
            cursor.execute(query)
            return str(cursor.fetchone()[0])

    usual = setting()
    with waiting_at_most(0.3):
        assert setting() in {"300", "300ms"}
    assert setting() == usual
    assert usual in {"5000", "5s"}


@only_sqlite
@pytest.mark.usefixtures("model")
def test_readyz_says_within_two_seconds_that_the_database_is_locked(client: Client) -> None:
    with locked():
        started = time.monotonic()
        response = client.get("/readyz")
        assert time.monotonic() - started < 2 + SLACK_SECONDS
    assert response.status_code == 503
    assert response.has_header("Retry-After")
    assert "locked" in response.json()["store"]["detail"]
    assert client.get("/readyz").status_code == 200


def test_a_silent_postgresql_is_not_waited_for_without_end() -> None:
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": "digits", "OPTIONS": {"a": 1}}
    options = with_options(database)["OPTIONS"]
    assert options == {
        "a": 1,
        "connect_timeout": 2,
        "tcp_user_timeout": 10_000,
        "options": "-c lock_timeout=5s",
    }
    assert with_options({**database, "OPTIONS": {"connect_timeout": "1"}})["OPTIONS"][
        "connect_timeout"
    ] == "1"  # fmt: skip


# --- the page that says so ------------------------------------------------------------------


class Refusing:
    """An execute wrapper: every writing statement fails, as on a full disk."""

    def __init__(self, problem: str) -> None:
        self.problem = problem

    def __call__(self, execute: object, sql: str, *arguments: object) -> object:
        if not sql.startswith("SELECT"):
            raise OperationalError(self.problem)
        return execute(sql, *arguments)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("database or disk is full", "The disk of the database is full"),
        ("database is locked", "The database is locked by another process"),
        ("server closed the connection", "The database does not answer"),
    ],
)
def test_a_login_that_cannot_be_written_is_answered_with_503(
    client: Client, django_user_model: type, problem: str, said: str
) -> None:
    django_user_model.objects.create_superuser("keeper", password="long-enough-7301")  # type: ignore[attr-defined]
    client.raise_request_exception = False
    with connection.execute_wrapper(Refusing(problem)):
        response = client.post(
            "/admin/login/?next=/admin/", {"username": "keeper", "password": "long-enough-7301"}
        )
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert said in response.content.decode()


def test_the_api_answers_in_its_own_form(client: Client) -> None:
    """The look-up of an API key is not the record store's."""
    _, secret = create_key(name="a program")

    def broken(*_: object) -> object:
        raise OperationalError("server closed the connection unexpectedly")

    client.raise_request_exception = False
    with connection.execute_wrapper(broken):
        response = client.get(
            f"/api/v1/predictions/{make_record().id}", headers={"Authorization": f"Bearer {secret}"}
        )
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "unavailable"
    assert response.has_header("Retry-After")


# --- room on the disk -----------------------------------------------------------------------


@pytest.fixture
def free_space(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The bytes that are free on the disk of the database, as os.statvfs tells it."""
    free = [0]

    class Disk(NamedTuple):
        f_bavail: int
        f_frsize: int = 1

    monkeypatch.setattr(os, "statvfs", lambda _: Disk(free[0]))
    return free  # type: ignore[return-value]


@only_sqlite
def test_predictions_leave_room_for_deletions(free_space: list[int]) -> None:
    store = DatabaseStore()
    connection.cursor().execute("VACUUM")  # no page that an earlier test freed is left
    free_space[0] = maintenance.KEPT_FREE_BYTES
    record = make_record()
    store.append(record)
    store.check()
    free_space[0] -= 100_000  # more than the few pages that the check has freed
    with pytest.raises(StoreUnavailable, match="the last 32 MiB are kept for deletions"):
        store.append(make_record())
    with pytest.raises(StoreUnavailable, match="is full"):
        DatabaseStore().check()
    store.delete([record.id])
    assert not Record.objects.exists()


@only_sqlite
def test_pages_that_deletions_freed_are_room(
    free_space: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "KEPT_FREE_BYTES", maintenance.LOG_BYTES + 3_000_000)
    free_space[0] = maintenance.LOG_BYTES
    Record.objects.bulk_create([make_record(picture=os.urandom(4_000_000))])
    with pytest.raises(DiskFull):
        require_room()
    Record.objects.all().delete()
    require_room()
    free_space[0] -= 1  # the log itself would not fit
    with pytest.raises(DiskFull):
        require_room()


@only_sqlite
def test_a_deletion_uses_the_reserve_of_a_full_disk(free_space: list[int]) -> None:
    reserve = Path(f"{connection.settings_dict['NAME']}-reserve")
    reserve.unlink(missing_ok=True)  # of an earlier test
    store = DatabaseStore()
    free_space[0] = maintenance.KEPT_FREE_BYTES
    record = make_record()
    store.append(record)
    keep_reserve()
    assert not reserve.exists(), "the disk has no room to spare"
    free_space[0] += maintenance.LOG_BYTES
    keep_reserve()
    assert reserve.stat().st_size == maintenance.LOG_BYTES
    assert not give_up_reserve(), "there is room without it"

    def full(execute: object, sql: str, *arguments: object) -> object:
        if reserve.exists() and not sql.startswith("SELECT"):
            raise OperationalError("database or disk is full")
        return execute(sql, *arguments)  # type: ignore[operator]

    free_space[0] = 0
    with connection.execute_wrapper(full):
        store.delete([record.id])
    assert not reserve.exists()
    assert not Record.objects.exists()
