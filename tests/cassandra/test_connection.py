"""The session in a web server's processes: forks, threads, and hosts that do not answer."""

import dataclasses
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.ports import free_port
from tests.webui.records.factory import make_record
from webui.records.store import Recorded, StoreUnavailable
from webui.records_cassandra.configuration import CassandraSettings
from webui.records_cassandra.cql.session import CassandraSession, TablesMissing
from webui.records_cassandra.store import CassandraStore

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_forked_process_opens_its_own_session(store: CassandraStore) -> None:
    """As with gunicorn --preload: parent and child both insert, before and after the fork."""
    assert store.append(make_record()) is Recorded.STORED
    child = os.fork()
    if child == 0:  # without the test framework; the exit status is the result
        status = 1
        try:
            store.session.connect(timeout=60)
            status = 0 if store.append(make_record()) is Recorded.STORED else 2
        finally:
            os._exit(status)
    deadline = time.monotonic() + 60
    ended = 0
    while not ended and time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.05)
    if not ended:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert ended, "the forked process hangs"
    assert os.waitstatus_to_exitcode(status) == 0
    assert store.append(make_record()) is Recorded.STORED


def test_without_a_listener_every_thread_gets_an_error(settings_here: CassandraSettings) -> None:
    nobody = dataclasses.replace(settings_here, port=free_port())
    session = CassandraSession(nobody)

    def ask(_: int) -> None:
        with pytest.raises(StoreUnavailable, match=f"127.0.0.1 port {nobody.port}"):
            session.connect()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))
    session.close()


def test_a_silent_host_costs_no_more_than_the_timeout(settings_here: CassandraSettings) -> None:
    """The host accepts connections and never answers; the driver alone would wait longer."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        store = CassandraStore(dataclasses.replace(settings_here, port=port), background=False)
        waited: list[bool] = []

        def append() -> None:
            waited.append(store.append(make_record()) is Recorded.SPOOLED)

        thread = threading.Thread(target=append)
        thread.start()
        thread.join(timeout=30)  # the driver alone tries longer than this, with retries
        store.append(make_record())
        store.close()
    assert waited == [True]


def test_a_session_opens_when_cassandra_starts_later(
    settings_here: CassandraSettings, store: CassandraStore
) -> None:
    """A failed first attempt leaves nothing behind."""
    nobody = CassandraSession(dataclasses.replace(settings_here, port=free_port()))
    with pytest.raises(StoreUnavailable):
        nobody.connect()
    nobody.settings = settings_here
    nobody._failed_at = float("-inf")
    nobody.connect(timeout=60)
    nobody.close()


def test_records_are_spooled_until_the_tables_exist(settings_here: CassandraSettings) -> None:
    bare = dataclasses.replace(settings_here, keyspace="not_made_yet")
    store = CassandraStore(bare, background=False)
    store.session.connect(timeout=60)
    assert store.append(make_record()) is Recorded.SPOOLED
    with pytest.raises(TablesMissing, match="sync_records"):
        store.reader.catalog.model_versions()
    store.close()


def test_the_driver_uses_the_settings(settings_here: CassandraSettings) -> None:
    from cassandra import ConsistencyLevel
    from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy

    session = CassandraSession(settings_here)
    driver = session.connect(timeout=60)
    profile = driver.get_execution_profile(next(iter(driver.cluster.profile_manager.profiles)))
    session.close()
    assert profile.consistency_level == ConsistencyLevel.LOCAL_QUORUM
    assert profile.request_timeout == settings_here.timeout
    assert isinstance(profile.load_balancing_policy, TokenAwarePolicy)
    assert isinstance(profile.load_balancing_policy._child_policy, DCAwareRoundRobinPolicy)
    assert driver.cluster.connect_timeout == settings_here.timeout
    assert driver.cluster.control_connection_timeout == settings_here.timeout
    assert driver.cluster.reconnection_policy.max_delay == 10


def test_a_large_message_is_not_delayed(settings_here: CassandraSettings) -> None:
    """Nagle's algorithm is off on the control connection and on those of requests."""
    session = CassandraSession(settings_here)
    driver = session.connect(timeout=60)
    connections = [driver.cluster.control_connection._connection]
    for pool in driver._pools.values():
        connections += pool._connections.values()
    options = [
        connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for connection in connections
    ]
    session.close()
    assert len(options) >= 2
    assert all(options)


def test_requests_do_not_use_djangos_connection(settings_here: CassandraSettings) -> None:
    """Django closes old connections on every request; Cassandra's is not among them."""
    from django.db import close_old_connections, connections

    assert "cassandra" not in [connection.alias for connection in connections.all(True)]
    close_old_connections()
