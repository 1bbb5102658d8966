"""Costs of an insert that can be counted: statements, messages and bytes to Cassandra."""

from typing import Any

import pytest
from cassandra.query import BatchStatement, BoundStatement

from tests.webui.records.factory import make_record
from webui.records_cassandra.store import CassandraStore


def test_an_insert_is_three_statements_in_two_messages(
    store: CassandraStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instance and picture, which share a partition; and the row that pages show.

    The index rows of the bucket are known from the record before.
    """
    store.append(make_record())
    driver = store.session.connect()
    connection_class = driver.cluster.connection_class
    push, execute_async = connection_class.push, driver.execute_async
    pushed: list[int] = []
    sent: list[Any] = []

    def count_bytes(connection: Any, data: bytes) -> None:
        if not connection.is_control_connection:  # it asks about the cluster now and then
            pushed.append(len(data))
        push(connection, data)

    def count_statements(statement: Any, *arguments: Any, **keywords: Any) -> Any:
        sent.append(statement)
        return execute_async(statement, *arguments, **keywords)

    monkeypatch.setattr(connection_class, "push", count_bytes)
    monkeypatch.setattr(driver, "execute_async", count_statements)
    store.append(make_record())
    assert [type(each) for each in sent] == [BatchStatement, BoundStatement]
    assert len(sent[0]._statements_and_parameters) == 2
    assert len(pushed) == 2
    assert sum(pushed) < 1200  # 910: 784 of the instance, the picture's 150, ink; compressed
