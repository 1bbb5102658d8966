"""One process's session with Cassandra: opened at first use by one thread, again after a fork.

Faults of the plain driver or engine that this prevents (tests/cassandra/test_connection.py):
- first use by several threads at once opens one session, and all of them wait for it;
- a caller waits at most two seconds, however many hosts are silent;
- a failed attempt leaves nothing behind, and the next one starts afresh;
- a forked process opens a session of its own (its parent's would hang), so gunicorn may
  preload the site;
- Django's `connections["cassandra"]` is never used: it is per thread, and once it has failed,
  closing old connections at the start of a request fails too, on pages that need no Cassandra.
"""

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from cassandra import DriverException, InvalidRequest, Unauthorized
from cassandra.cluster import Cluster, NoHostAvailable, PreparedStatement, Session
from cassandra.connection import ConnectionException
from cassandra.cqlengine import CQLEngineException
from cassandra.cqlengine import connection as registry
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import ErrorMessage, SyntaxException

from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import ALIAS, CONNECT_SECONDS, CassandraSettings

log = logging.getLogger(__name__)

CONCURRENCY = 64  # statements in flight at once where many are sent
RETRY_SECONDS = 1.0  # between attempts to connect; callers in between fail at once

# Cassandra understood the statement and refused it: a bug, which no retry cures. These are
# caught before DOWN, whose classes are wider.
REFUSED = (InvalidRequest, SyntaxException, Unauthorized)
# Cassandra cannot be reached or does not answer: spool the event and try later.
DOWN = (
    NoHostAvailable,
    DriverException,  # Unavailable; timeouts and failures of reads, writes and schema changes
    ConnectionException,
    NoConnectionsAvailable,
    CQLEngineException,
    ErrorMessage,  # the server's own errors: overloaded, still bootstrapping
    OSError,
)

T = TypeVar("T")


class TablesMissing(StoreUnavailable):
    """Cassandra answers, but `sync_records` has not created the keyspace or a table yet."""


class CassandraSession:
    """A lazy session with prepared statements and translated errors; safe for threads and forks."""

    def __init__(self, settings: CassandraSettings) -> None:
        self.settings = settings
        self._reset()
        _sessions.add(self)

    def _reset(self) -> None:
        """Starts from nothing; a forked child must not even close what its parent uses."""
        self._changed = threading.Condition()
        self._session: Session | None = None
        self._cluster: Cluster | None = None
        self._connecting = False
        self._closed = False
        self._problem: Exception | None = None
        self._failed_at = float("-inf")
        self._prepared: dict[str, PreparedStatement] = {}
        self._preparing = threading.Lock()

    @property
    def connected(self) -> bool:
        return self._session is not None

    def connect(self, *, timeout: float = CONNECT_SECONDS) -> Session:
        """Returns the driver's session, connecting first if there is none.

        Raises:
            StoreUnavailable: there is no session after `timeout` seconds.
        """
        session = self._session
        if session is not None:
            return session
        deadline = time.monotonic() + timeout
        with self._changed:
            self._connect_in_background()
            while self._session is None and self._connecting:
                if not self._changed.wait(deadline - time.monotonic()):
                    break
            if self._session is not None:
                return self._session
            because = self._problem or "no answer yet"
        raise StoreUnavailable(f"cannot connect to Cassandra at {self._address()}: {because}")

    def _address(self) -> str:
        return f"{', '.join(self.settings.hosts)} port {self.settings.port}"

    def _connect_in_background(self) -> None:
        if self._connecting or time.monotonic() - self._failed_at < RETRY_SECONDS:
            return
        self._connecting = True
        threading.Thread(target=self._connect, name="cassandra-connect", daemon=True).start()

    def _connect(self) -> None:
        session: Session | None = None
        problem: Exception | None = None
        cluster: Cluster | None = None
        try:
            options = dict(self.settings.database()["OPTIONS"]["connection"])
            del options["lazy_connect"]  # an option of django-cassandra-engine, not of the driver
            cluster = Cluster(list(self.settings.hosts), **options)
            session = cluster.connect()
        except Exception as reason:  # whatever it is, the waiting callers must be released
            problem = reason
            if cluster is not None:
                cluster.shutdown()
        with self._changed:
            self._connecting = False
            if session is None:
                if self._problem is None:
                    log.warning("cannot connect to Cassandra at %s: %s", self._address(), problem)
                self._problem, self._failed_at = problem, time.monotonic()
            elif self._closed:
                session.cluster.shutdown()
            else:
                # cqlengine (the table models, `sync_records`) shares this session.
                _unregister()
                registry.register_connection(ALIAS, session=session)
                self._problem, self._prepared = None, {}
                self._cluster, self._session = cluster, session
            self._changed.notify_all()

    def prepare(self, cql: str) -> PreparedStatement:
        """Returns the prepared statement; it is prepared once per session.

        Raises:
            TablesMissing: the statement names a keyspace or table that does not exist yet.
            StoreUnavailable
        """
        statement = self._prepared.get(cql)
        if statement is not None:
            return statement
        session = self.connect()
        with self._preparing:
            if cql not in self._prepared:
                statement = self.translate_errors(lambda: session.prepare(cql))
                # Every write carries its own timestamp, so the driver may send it twice.
                statement.is_idempotent = True
                self._prepared[cql] = statement
        return self._prepared[cql]

    def execute(self, statement: Any) -> Any:
        """Sends a bound statement or batch and returns Cassandra's answer.

        Raises as `translate_errors` does.
        """
        return self.result(self.execute_async(statement))

    def execute_async(self, statement: Any) -> Any:
        """Sends a bound statement or batch; `result` waits for the answer."""
        return self.connect().execute_async(statement)

    def result(self, future: Any) -> Any:
        """Waits for the answer to `execute_async`; raises as `translate_errors` does."""
        return self.translate_errors(future.result)

    def execute_concurrently(self, statements: Iterable[Any]) -> Iterator[Any]:
        """Yields the answers in order, with up to CONCURRENCY statements in flight.

        Raises as `translate_errors` does, at the first statement that fails.
        """
        in_flight: deque[Any] = deque()
        for statement in statements:
            in_flight.append(self.execute_async(statement))
            if len(in_flight) >= CONCURRENCY:
                yield self.result(in_flight.popleft())
        while in_flight:
            yield self.result(in_flight.popleft())

    def translate_errors(self, call: Callable[[], T]) -> T:
        """Returns the call's result, turning the driver's errors into the store's.

        Raises:
            TablesMissing: the statement names a keyspace or table that does not exist yet.
            StoreUnavailable: Cassandra could not be reached, or did not answer.
            InvalidRequest, SyntaxException, Unauthorized: the statement is wrong.
        """
        try:
            return call()
        except REFUSED as refusal:
            text = str(refusal).lower()
            missing = "unconfigured table" in text or "does not exist" in text
            if isinstance(refusal, InvalidRequest) and missing:
                raise TablesMissing(
                    f"Cassandra has no complete keyspace {self.settings.keyspace} yet; "
                    "`python manage.py sync_records` creates it"
                ) from refusal
            raise
        except DOWN as problem:
            raise StoreUnavailable(f"Cassandra does not answer: {problem}") from problem

    def close(self) -> None:
        with self._changed:
            self._closed = True
            cluster, self._cluster, self._session = self._cluster, None, None
            self._prepared = {}
        if cluster is not None:
            _unregister(only=cluster)
            cluster.shutdown()


def _unregister(*, only: Cluster | None = None) -> None:
    """Removes the connection (or only that of one cluster) from cqlengine's registry, open.

    cqlengine would shut it down, which is left to the session, or after a fork to the parent.
    """
    registered = registry._connections.get(ALIAS)  # get_connection() would connect a lazy one
    if registered is not None and (only is None or registered.cluster is only):
        registered.cluster = None
        registry.unregister_connection(ALIAS)


_sessions: "weakref.WeakSet[CassandraSession]" = weakref.WeakSet()


def _reset_after_fork() -> None:
    """Drops every session in a forked child, since the parent's threads do not exist there."""
    for session in list(_sessions):
        if session.connected:
            _unregister()
        session._reset()


os.register_at_fork(after_in_child=_reset_after_fork)
