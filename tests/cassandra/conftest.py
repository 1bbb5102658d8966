"""A real Cassandra node of our own for this group, and the store on it."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings as site_settings
from django.core.management import call_command

from deploy.cassandra.node import Node, free_port, missing, running
from tests.needs import need
from webui.records_cassandra.configuration import CassandraSettings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "ring" not in item.path.parts:
            item.add_marker(pytest.mark.cassandra)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    need(not missing(), missing())
    made = Node(
        directory=tmp_path_factory.mktemp("cassandra"),
        port=free_port(),
        storage_port=free_port(),
    )
    with running([made]):
        yield made


@pytest.fixture(scope="session")
def cassandra_settings(node: Node) -> CassandraSettings:
    return CassandraSettings(hosts=(node.address,), port=node.port, timeout=10.0)


@pytest.fixture(scope="session")
def apps_installed(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest
) -> Iterator[None]:
    """What settings.py adds when CASSANDRA_HOSTS is set: the apps, and the spool's tables."""
    site_settings.CASSANDRA = None
    added = ("django_cassandra_engine", "webui.records_cassandra")
    apps.set_installed_apps([*site_settings.INSTALLED_APPS, *added])
    with django_db_blocker.unblock():
        call_command("migrate", "records_cassandra", verbosity=0)
    yield
    apps.unset_installed_apps()


@pytest.fixture(scope="session")
def schema(cassandra_settings: CassandraSettings, apps_installed: None) -> list[str]:
    """The tables, made once; what making them said."""
    from webui.records_cassandra.connection import Link
    from webui.records_cassandra.schema import make_schema

    said: list[str] = []
    patient = dataclasses.replace(cassandra_settings, timeout=60.0)
    link = Link(patient)
    make_schema(patient, link, say=said.append)
    link.close()
    return said


@pytest.fixture
def settings_here(
    cassandra_settings: CassandraSettings, schema: list[str], settings: object
) -> CassandraSettings:
    """The site's settings name this node."""
    settings.CASSANDRA = cassandra_settings
    settings.RECORD_STORE = "webui.records_cassandra.store.CassandraStore"
    return cassandra_settings


@pytest.fixture
def store(settings_here: CassandraSettings, transactional_db: None) -> Iterator[object]:
    """An empty store that moves nothing by itself."""
    from webui.records_cassandra.models import TABLES
    from webui.records_cassandra.store import CassandraStore

    made = CassandraStore(background=False)
    session = made.link.session(wait=10)
    for table in TABLES:
        session.execute(f"TRUNCATE {table.column_family_name()}", timeout=30)
    yield made
    made.close()
