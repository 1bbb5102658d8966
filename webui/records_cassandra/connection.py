"""One process's connection to Cassandra: made late, by one thread, again after a fork.

What it cures, each seen (and tested in tests/cassandra/test_connection.py):
- the first use by several threads at once connects once, and all of them wait for it;
- a caller waits two seconds at most, whatever number of hosts is silent;
- a failed attempt leaves nothing behind and the next one starts afresh;
- a process that was forked makes a connection of its own (its parent's would hang), so
  gunicorn may preload the site;
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
from typing import Any

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

AT_ONCE = 64  # statements on their way at once, where many are sent
RETRY_SECONDS = 1.0  # between attempts to connect; callers in between fail at once

# Cassandra understood and refused: something is wrong with us, and waiting does not cure it.
REFUSED = (InvalidRequest, SyntaxException, Unauthorized)  # asked for before DOWN: it is wider
# Cassandra cannot be reached or does not answer: keep the event elsewhere and try later.
DOWN = (
    NoHostAvailable,
    DriverException,  # Unavailable; timeouts and failures of reads, writes and schema changes
    ConnectionException,
    NoConnectionsAvailable,
    CQLEngineException,
    ErrorMessage,  # the server's own errors: overloaded, still bootstrapping
    OSError,
)


class TablesMissing(StoreUnavailable):
    """Cassandra answers, but `sync_records` has not made the keyspace or a table yet."""


class Link:
    """A session with Cassandra and its prepared statements; safe for threads and forks."""

    def __init__(self, settings: CassandraSettings) -> None:
        self.settings = settings
        self._forget()
        _links.add(self)

    def _forget(self) -> None:
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

    def session(self, *, wait: float = CONNECT_SECONDS) -> Session:
        """The session, connecting first where needed.

        Raises:
            StoreUnavailable: if there is none within `wait` seconds.
        """
        session = self._session
        if session is not None:
            return session
        deadline = time.monotonic() + wait
        with self._changed:
            self._connect_in_background()
            while self._session is None and self._connecting:
                if not self._changed.wait(deadline - time.monotonic()):
                    break
            if self._session is not None:
                return self._session
            because = self._problem or "no answer yet"
        raise StoreUnavailable(f"cannot connect to Cassandra at {self._where()}: {because}")

    def _where(self) -> str:
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
            del options["lazy_connect"]  # cqlengine's word; here it means this thread
            cluster = Cluster(list(self.settings.hosts), **options)
            session = cluster.connect()
        except Exception as reason:  # whatever it is, the callers that wait must hear it
            problem = reason
            if cluster is not None:
                cluster.shutdown()
        with self._changed:
            self._connecting = False
            if session is None:
                if self._problem is None:
                    log.warning("cannot connect to Cassandra at %s: %s", self._where(), problem)
                self._problem, self._failed_at = problem, time.monotonic()
            elif self._closed:
                session.cluster.shutdown()
            else:
                # cqlengine (the table models, `sync_records`) shares this very session.
                _unregister()
                registry.register_connection(ALIAS, session=session)
                self._problem, self._prepared = None, {}
                self._cluster, self._session = cluster, session
            self._changed.notify_all()

    def prepared(self, cql: str) -> PreparedStatement:
        """The statement, prepared once per session.

        Raises:
            TablesMissing: if what it names is not there yet.
            StoreUnavailable
        """
        statement = self._prepared.get(cql)
        if statement is not None:
            return statement
        session = self.session()
        with self._preparing:
            if cql not in self._prepared:
                try:
                    statement = session.prepare(cql)
                except REFUSED as refusal:
                    raise self._explained(refusal) from refusal
                except DOWN as problem:
                    raise StoreUnavailable(f"Cassandra does not answer: {problem}") from problem
                # Every write names its own instant, so that doing it twice does it once.
                statement.is_idempotent = True
                self._prepared[cql] = statement
        return self._prepared[cql]

    def _explained(self, refusal: Exception) -> Exception:
        """`refusal`, or TablesMissing if that is the reason."""
        text = str(refusal).lower()
        missing = "unconfigured table" in text or "does not exist" in text
        if isinstance(refusal, InvalidRequest) and missing:
            return TablesMissing(
                f"Cassandra has no complete keyspace {self.settings.keyspace} yet; "
                "`python manage.py sync_records` makes it"
            )
        return refusal

    def execute_async(self, statement: Any) -> Any:
        """Sends a bound statement or a batch; `answer` waits for what comes back."""
        return self.session().execute_async(statement)

    def answer(self, future: Any) -> Any:
        """What Cassandra answered; raises as `guarded` does."""
        return self.guarded(future.result)

    def guarded(self, asks: Callable[[], Any]) -> Any:
        """What `asks` gets from Cassandra, its errors translated.

        Raises:
            StoreUnavailable: if it did not, or could not.
            InvalidRequest, SyntaxException, Unauthorized: if the statement is wrong.
        """
        try:
            return asks()
        except REFUSED as refusal:
            raise self._explained(refusal) from refusal
        except DOWN as problem:
            raise StoreUnavailable(f"Cassandra does not answer: {problem}") from problem

    def execute(self, statement: Any) -> Any:
        return self.answer(self.execute_async(statement))

    def answers(self, statements: Iterable[Any]) -> Iterator[Any]:
        """What Cassandra answers to each, in order; up to AT_ONCE are on their way.

        Raises as `guarded` does, at the first one that fails.
        """
        under_way: deque[Any] = deque()
        for statement in statements:
            under_way.append(self.execute_async(statement))
            if len(under_way) >= AT_ONCE:
                yield self.answer(under_way.popleft())
        while under_way:
            yield self.answer(under_way.popleft())

    def close(self) -> None:
        with self._changed:
            self._closed = True
            cluster, self._cluster, self._session = self._cluster, None, None
            self._prepared = {}
        if cluster is not None:
            _unregister(only=cluster)
            cluster.shutdown()


def _unregister(*, only: Cluster | None = None) -> None:
    """Takes the connection (or only that of one cluster) out of cqlengine's registry, open.

    cqlengine would shut it down, which is its link's part, and after a fork its parent's.
    """
    registered = registry._connections.get(ALIAS)  # get_connection() would connect a lazy one
    if registered is not None and (only is None or registered.cluster is only):
        registered.cluster = None
        registry.unregister_connection(ALIAS)


_links: "weakref.WeakSet[Link]" = weakref.WeakSet()


def _after_fork() -> None:
    """In a forked child: its parent's threads are gone, so nothing of theirs can be used."""
    for link in list(_links):
        if link.connected:
            _unregister()
        link._forget()


os.register_at_fork(after_in_child=_after_fork)
