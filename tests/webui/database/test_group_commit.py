"""Group commit: whose writes share a transaction, and who gets whose error."""

import threading
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.harness.waiting import wait_until
from webui.database.group_commit import GroupCommit, commit

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8


class Writers:
    """Threads that write at once, while another thread's write goes on."""

    def __init__(self) -> None:
        self.group_commit = GroupCommit()
        self.written: list[str] = []
        self.threads: dict[str, int] = {}  # which wrote what
        self.outcomes: dict[str, Exception | None] = {}
        self.release = threading.Event()

    def write(self, name: str, problem: Exception | None = None) -> None:
        if problem is not None:
            raise problem
        self.written.append(name)
        self.threads[name] = threading.get_ident()

    def run(self, name: str, write: Callable[[], None]) -> threading.Thread:
        def in_thread() -> None:
            try:
                self.group_commit.run(write)
                self.outcomes[name] = None
            except Exception as problem:
                self.outcomes[name] = problem
            finally:
                connection.close()

        thread = threading.Thread(target=in_thread)
        thread.start()
        return thread

    def hold(self) -> None:
        self.write("first")
        assert self.release.wait(60)

    def run_together(self, writes: Sequence[tuple[str, Exception | None]]) -> None:
        threads = [self.run("first", self.hold)]
        wait_until(lambda: self.written, message="the first is being written")
        threads += [self.run(name, partial(self.write, name, problem)) for name, problem in writes]
        wait_until(lambda: len(self.group_commit._queue) == len(writes), message="all wait")
        self.release.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def writers() -> Writers:
    return Writers()


def test_what_waits_is_written_by_one_thread(writers: Writers) -> None:
    names = [f"write {number}" for number in range(THREADS)]
    writers.run_together([(name, None) for name in names])
    assert writers.outcomes == dict.fromkeys(["first", *names])
    assert len({writers.threads[name] for name in names}) == 1
    assert writers.threads["first"] != writers.threads[names[0]]


def test_a_refused_write_does_no_harm_to_others(writers: Writers) -> None:
    problem = IntegrityError("NOT NULL constraint failed")
    writers.run_together([("a", None), ("refused", problem), ("b", None)])
    assert writers.outcomes == {"first": None, "a": None, "b": None, "refused": problem}
    assert {"a", "b"} <= set(writers.written)


def test_a_database_that_does_not_answer_is_asked_once_for_all(writers: Writers) -> None:
    """Each would wait for the lock in turn, a thread for minutes."""
    problem = OperationalError("database is locked")
    writers.run_together([("locked", problem), ("a", None), ("b", None)])
    assert [writers.outcomes[name] for name in ("a", "b", "locked")] == [problem] * 3


def test_a_write_alone_is_a_transaction() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL groups commits itself")
    inside: list[bool] = []
    with CaptureQueriesContext(connection) as queries:
        commit(lambda: inside.append(connection.in_atomic_block))
    assert inside == [True]
    assert [query["sql"].split()[0] for query in queries] == ["BEGIN", "COMMIT"]


def test_a_transaction_keeps_its_writes() -> None:
    """What may be rolled back waits for nobody and takes nobody along."""
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        commit(lambda: None)
    assert not queries.captured_queries


def test_the_error_of_a_write_is_raised() -> None:
    def refuse() -> None:
        raise IntegrityError("refused")

    with pytest.raises(IntegrityError, match="refused"):
        commit(refuse)
