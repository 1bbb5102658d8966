"""The database store: the shared suite, query plans, errors and the check."""

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from itertools import product

import pytest
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, ProgrammingError, connection
from django.test.utils import CaptureQueriesContext

from tests.webui.records.factory import NOON, append_records, id_at, make_record
from tests.webui.records.store_suite import StoreSuite
from webui.records.database_store import DatabaseStore
from webui.records.models import Record
from webui.records.store import Filters, StoreUnavailable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def record_store() -> DatabaseStore:
    return DatabaseStore()


class TestDatabaseStore(StoreSuite):
    pass


def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "; ".join(row[3] for row in cursor.fetchall())


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plans")
@pytest.mark.parametrize(
    ("digit", "verdict", "version"), list(product((None, 3), (None, "unsure"), (None, 2)))
)
@pytest.mark.parametrize("cursor", ["newest", "older", "newer"])
@pytest.mark.parametrize("span", [False, True])
def test_each_page_reads_the_index_of_its_filters(
    record_store: DatabaseStore,
    digit: int | None,
    verdict: str | None,
    version: int | None,
    cursor: str,
    span: bool,
) -> None:
    """No table is scanned, nothing is sorted, and the index search uses each equality."""
    append_records(record_store, 3, digit=3, verdict="unsure")
    filters = Filters(
        digit=digit,
        verdict=verdict,
        model_version=version,
        since=NOON if span else None,
        until=NOON.replace(year=2027) if span else None,
    )
    cursors = {
        "newest": {},
        "older": {"older_than": id_at(NOON.replace(hour=13))},
        "newer": {"newer_than": id_at(NOON.replace(hour=11))},
    }[cursor]
    with CaptureQueriesContext(connection) as queries:
        record_store.page(filters, size=2, **cursors)
    reads = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert reads
    for sql in reads:
        used = plan(sql)
        assert "INDEX record_" in used, used
        assert "B-TREE" not in used, used
        assert "OFFSET" not in sql
        assert "COUNT" not in sql
        for name, value in (("digit", digit), ("verdict", verdict), ("model_version", version)):
            assert (f"{name}=?" in used) == (value is not None), used


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plans")
@pytest.mark.parametrize(
    ("digit", "verdict", "version"), list(product((None, 3), (None, "unsure"), (None, 2)))
)
@pytest.mark.parametrize("cursor", ["newest", "older", "newer"])
def test_a_visitors_page_reads_only_the_visitors_rows(
    record_store: DatabaseStore, digit: int | None, verdict: str | None, version: int | None,
    cursor: str,
) -> None:  # fmt: skip
    """Whatever else is filtered, the index search is by visitor, and nothing is sorted."""
    append_records(record_store, 3, digit=3, verdict="unsure", visitor="key:1")
    filters = Filters(visitor="key:1", digit=digit, verdict=verdict, model_version=version)
    cursors = {
        "newest": {},
        "older": {"older_than": id_at(NOON.replace(hour=13))},
        "newer": {"newer_than": id_at(NOON.replace(hour=11))},
    }[cursor]
    with CaptureQueriesContext(connection) as queries:
        record_store.page(filters, size=2, **cursors)
    for query in queries:
        used = plan(query["sql"])
        assert "INDEX record_by_visitor (visitor=?" in used, used
        assert "B-TREE" not in used, used


def test_model_versions_do_not_scan_the_table(record_store: DatabaseStore) -> None:
    for version in (1, 7):
        append_records(record_store, 20, model_version=version)
    with CaptureQueriesContext(connection) as queries:
        assert record_store.model_versions() == [7, 1]
    (query,) = queries
    if connection.vendor == "sqlite":
        used = plan(query["sql"])
        assert "SCAN record_data" not in used, used


class Refusing:
    """An execute wrapper that raises an error for every statement."""

    def __init__(self, problem: DatabaseError) -> None:
        self.problem = problem

    def __call__(self, execute: object, *arguments: object) -> object:
        raise self.problem


@pytest.mark.parametrize(
    "problem",
    [
        OperationalError("database or disk is full"),
        OperationalError("database is locked"),
        DatabaseError("database disk image is malformed"),
    ],
)
def test_errors_of_an_unavailable_database_are_translated(
    record_store: DatabaseStore, problem: DatabaseError
) -> None:
    record = make_record()
    record_store.append(record)
    calls = {
        "append": lambda: record_store.append(make_record()),
        "get": lambda: record_store.get(record.id),
        "correct": lambda: record_store.correct(record.id, label="1", by="ada", at=NOON),
        "delete": lambda: record_store.delete([record.id]),
        "page": lambda: record_store.page(Filters(), size=2),
        "scan": lambda: list(record_store.scan(Filters())),
        "model_versions": record_store.model_versions,
        "check": record_store.check,
    }
    for call in calls.values():
        with (
            connection.execute_wrapper(Refusing(problem)),
            pytest.raises(StoreUnavailable, match=str(problem)),
        ):
            call()
    assert record_store.get(record.id).corrected_label == ""


def test_a_bug_is_not_translated(record_store: DatabaseStore) -> None:
    problem = ProgrammingError("no such column")
    with connection.execute_wrapper(Refusing(problem)), pytest.raises(ProgrammingError):
        record_store.get(make_record().id)


def test_a_missing_value_is_not_dropped_silently(record_store: DatabaseStore) -> None:
    record = make_record()
    record.model_name = None  # type: ignore[assignment]
    with pytest.raises(DatabaseError):
        record_store.append(record)
    assert not Record.objects.exists()


def test_an_id_without_an_instant_is_refused(record_store: DatabaseStore) -> None:
    record = make_record()
    record.id = uuid.uuid4()
    with pytest.raises(ValueError, match="version-4 UUID"):
        record_store.append(record)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """A database that may not grow by a single page, as on a full disk."""
    if connection.vendor != "sqlite":
        pytest.skip("fills SQLite's file")
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count={pages}")
        yield
        cursor.execute("PRAGMA max_page_count=1073741823")


def test_a_full_database_is_unavailable(record_store: DatabaseStore, full_disk: None) -> None:
    large = os.urandom(20_000_000)  # more than the free pages of the file
    with pytest.raises(StoreUnavailable, match="full"):
        record_store.append(make_record(picture=large))


def test_the_check_leaves_nothing_behind_and_is_reused_for_a_second(
    record_store: DatabaseStore,
) -> None:
    with CaptureQueriesContext(connection) as queries:
        record_store.check()
        first = len(queries)
        record_store.check()
        assert len(queries) == first > 0
    assert not Record.objects.exists()


def test_the_check_detects_a_read_only_database(record_store: DatabaseStore) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("makes SQLite read-only")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only=ON")
        try:
            with pytest.raises(StoreUnavailable, match="readonly"):
                record_store.check()
        finally:
            cursor.execute("PRAGMA query_only=OFF")


def test_a_writer_waits_for_another(record_store: DatabaseStore) -> None:
    """A lock that another process holds for a moment is waited for."""
    if connection.vendor != "sqlite":
        pytest.skip("locks SQLite's file")
    other = sqlite3.connect(
        connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False
    )
    try:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.2, lambda: other.execute("COMMIT"))
        release.start()
        record_store.append(make_record())
        release.join()
    finally:
        other.close()
    assert Record.objects.exists()
