"""Group commit: whose records are written together, and who gets whose error."""

import threading
from collections.abc import Sequence

import pytest
from django.db import IntegrityError, OperationalError

from tests.harness.waiting import wait_until
from tests.webui.records.factory import make_record
from webui.records.group_commit import GroupCommit
from webui.records.models import Record

THREADS = 8


class Disk:
    """Records what is written together; the first write takes until the others wait."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.problem: Exception | None = None
        self.release = threading.Event()
        self.group_commit = GroupCommit(self.write)

    def write(self, records: Sequence[Record]) -> None:
        visitors = [record.visitor for record in records]
        if self.problem is not None and "refused" in visitors:
            raise self.problem
        self.groups.append(visitors)
        assert self.release.wait(60)


def append_together(disk: Disk, visitors: Sequence[str]) -> dict[str, Exception | None]:
    """Appends a record of each visitor at once, while another is being written; their errors."""
    outcomes: dict[str, Exception | None] = {}

    def append(visitor: str) -> None:
        try:
            disk.group_commit.append(make_record(visitor=visitor))
        except Exception as problem:
            outcomes[visitor] = problem
        else:
            outcomes[visitor] = None

    first = threading.Thread(target=append, args=("first",))
    first.start()
    wait_until(lambda: disk.groups, message="the first record is being written")
    threads = [threading.Thread(target=append, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(disk.group_commit._queue) == len(visitors), message="all wait")
    disk.release.set()
    for thread in (first, *threads):
        thread.join()
    return outcomes


def test_what_waits_is_written_together() -> None:
    disk = Disk()
    visitors = [f"visitor {number}" for number in range(THREADS)]
    outcomes = append_together(disk, visitors)
    assert list(outcomes.values()) == [None] * (THREADS + 1)
    assert [sorted(group) for group in disk.groups] == [["first"], visitors]


def test_a_refused_record_does_no_harm_to_others() -> None:
    disk = Disk()
    disk.problem = IntegrityError("NOT NULL constraint failed")
    outcomes = append_together(disk, ["a", "refused", "b"])
    assert [name for name, problem in outcomes.items() if problem] == ["refused"]
    assert sorted(disk.groups) == [["a"], ["b"], ["first"]]


def test_a_database_that_does_not_answer_is_asked_once_for_all() -> None:
    """Each would wait for the lock in turn, a thread for minutes."""
    disk = Disk()
    disk.problem = OperationalError("database is locked")
    outcomes = append_together(disk, ["a", "refused", "b"])
    assert [type(outcomes[name]) for name in ("a", "refused", "b")] == [OperationalError] * 3
    assert disk.groups == [["first"]]


def test_one_thread_writes_at_once() -> None:
    groups: list[int] = []
    group_commit = GroupCommit(lambda records: groups.append(len(records)))
    group_commit.append(make_record())
    group_commit.append(make_record())
    assert groups == [1, 1]


def test_the_error_of_a_single_record_is_raised() -> None:
    def refuse(records: Sequence[Record]) -> None:
        raise IntegrityError("refused")

    with pytest.raises(IntegrityError, match="refused"):
        GroupCommit(refuse).append(make_record())
