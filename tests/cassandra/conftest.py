"""A Cassandra node for this group of tests, and the store on it."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_django
from django.apps import apps
from django.conf import settings as site_settings
from django.core.management import call_command, get_commands

from deploy.cassandra.node import Node, missing, running
from tests.harness.needs import need
from tests.harness.ports import free_port
from tests.webui.records.factory import make_record
from webui.records.models import Record
from webui.records_cassandra.configuration import CassandraSettings
from webui.records_cassandra.cql.schema import create_schema
from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.models import TABLES
from webui.records_cassandra.store import CassandraStore
from webui.records_cassandra.tables.bucket_width import BucketWidth


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "ring" not in item.path.parts:
            item.add_marker(pytest.mark.cassandra)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    need(not missing(), missing())
    node = Node(
        directory=tmp_path_factory.mktemp("cassandra"), port=free_port(), storage_port=free_port()
    )
    with running([node]):
        yield node


@pytest.fixture(scope="session")
def cassandra_settings(node: Node) -> CassandraSettings:
    return CassandraSettings(
        hosts=(node.address,),
        port=node.port,
        bucket_width=BucketWidth.HOUR,
        timeout=20.0,  # on a busy machine a shorter one would spool events and fail most tests
    )


@pytest.fixture(scope="session")
def apps_installed(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """The apps that settings.py adds with CASSANDRA_HOSTS, and the spool's tables."""
    site_settings.CASSANDRA = None
    added = ("django_cassandra_engine", "webui.records_cassandra")
    apps.set_installed_apps([*site_settings.INSTALLED_APPS, *added])
    get_commands.cache_clear()  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        call_command("migrate", "records_cassandra", verbosity=0)
    yield
    apps.unset_installed_apps()
    get_commands.cache_clear()  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def schema(cassandra_settings: CassandraSettings, apps_installed: None) -> list[str]:
    """Creates the tables once; returns the reported lines."""
    lines: list[str] = []
    patient = dataclasses.replace(cassandra_settings, timeout=60.0)
    session = CassandraSession(patient)
    create_schema(patient, session, report=lines.append)
    session.close()
    return lines


@pytest.fixture
def settings_here(
    cassandra_settings: CassandraSettings, schema: list[str], settings: Any
) -> CassandraSettings:
    """The node's settings, in the place of the site's."""
    settings.CASSANDRA = cassandra_settings
    settings.RECORD_STORE = "webui.records_cassandra.store.CassandraStore"
    return cassandra_settings


@pytest.fixture
def same_store(
    settings_here: CassandraSettings, transactional_db: None
) -> Iterator[CassandraStore]:
    """A store without a spool worker's thread, on the tables of earlier tests."""
    store = CassandraStore(background=False)
    store.session.connect(timeout=60)
    yield store
    store.close()


@pytest.fixture
def store(same_store: CassandraStore) -> CassandraStore:
    """The same, with empty tables."""
    empty(same_store)
    return same_store


def empty(store: CassandraStore) -> None:
    for table in TABLES:
        store.session.connect().execute(f"TRUNCATE {table.column_family_name()}", timeout=30)
    store.writer.index_rows.forget()


@pytest.fixture(scope="module")
def hundred(cassandra_settings: CassandraSettings, schema: list[str]) -> list[Record]:
    """A hundred records over half a day, oldest first, alone in the tables of a module."""
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    verdicts = ["digit"] * 4 + ["unsure"]
    records = [
        make_record(
            at=start + timedelta(minutes=7 * number),
            digit=number % 10,
            verdict=verdicts[number % 5],
            model_version=1 + number % 3,
        )
        for number in range(99)
    ]
    records.append(
        make_record(
            at=start + timedelta(minutes=700), verdict="not_a_digit", digit=None, model_version=3
        )
    )
    store = CassandraStore(cassandra_settings, background=False)
    store.session.connect(timeout=60)
    empty(store)
    problems = store.writer.write_many([(record, BucketWidth.HOUR) for record in records])
    store.close()
    assert problems == [None] * len(records)
    return records
