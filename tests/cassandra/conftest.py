"""A Cassandra node for this group of tests, and the store on it."""

import dataclasses
from collections.abc import Iterator
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
from webui.records_cassandra.configuration import CassandraSettings
from webui.records_cassandra.cql.schema import create_schema
from webui.records_cassandra.cql.session import CassandraSession
from webui.records_cassandra.models import TABLES
from webui.records_cassandra.store import CassandraStore
from webui.records_cassandra.tables.bucket_layout import BucketLayout
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
        layout=BucketLayout(BucketWidth.HOUR),
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
def store(settings_here: CassandraSettings, transactional_db: None) -> Iterator[CassandraStore]:
    """A store with empty tables, without a spool worker's thread."""
    store = CassandraStore(background=False)
    driver = store.session.connect(timeout=60)
    for table in TABLES:
        driver.execute(f"TRUNCATE {table.column_family_name()}", timeout=30)
    yield store
    store.close()
