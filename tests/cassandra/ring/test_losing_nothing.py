"""Every id that a visitor got is one record in Cassandra, whatever fails meanwhile."""

import os
import time
from collections import Counter

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import RoundRobinPolicy
from cassandra.query import SimpleStatement

from deploy.cassandra.node import Node
from tests.harness.site import SiteProcess
from tests.harness.visitors import Visit, Visitors, outcomes

DOWN_SECONDS = float(os.environ.get("RING_DOWN_SECONDS", "12"))


def stored(nodes: list[Node]) -> Counter[str]:
    """Return the number of rows of each id in record_data, read at QUORUM."""
    cluster = Cluster(
        [node.address for node in nodes],
        port=nodes[0].port,
        protocol_version=4,
        execution_profiles={
            EXEC_PROFILE_DEFAULT: ExecutionProfile(load_balancing_policy=RoundRobinPolicy())
        },
    )
    try:
        session = cluster.connect("mnist_key")
        every = SimpleStatement(
            "SELECT id FROM record_data", consistency_level=ConsistencyLevel.QUORUM, fetch_size=2000
        )
        return Counter(str(row.id) for row in session.execute(every, timeout=60))
    finally:
        cluster.shutdown()


def assert_nothing_lost(visits: list[Visit], nodes: list[Node]) -> None:
    print(outcomes(visits), f"longest {max(visit.ended - visit.started for visit in visits):.2f} s")
    found = stored(nodes)
    ids = [visit.record_id for visit in visits if visit.predicted]
    assert len(ids) == len(set(ids))
    assert not [one for one in ids if one not in found]
    assert not [one for one, times in found.items() if times > 1]


def test_one_of_three_nodes_is_killed_and_comes_back(
    site: SiteProcess, three_nodes: list[Node]
) -> None:
    with Visitors(site.url) as visitors:
        time.sleep(3)
        three_nodes[1].kill()
        time.sleep(DOWN_SECONDS)
        three_nodes[1].start()
        three_nodes[1].wait()
        time.sleep(3)
    site.wait_until_replayed()
    visits = visitors.visits()
    assert all(visit.predicted for visit in visits), outcomes(visits)
    assert any(visit.outcome == "stored" for visit in visits)
    assert_nothing_lost(visits, three_nodes)


def test_all_of_cassandra_is_down_and_the_site_is_restarted_meanwhile(
    site: SiteProcess, three_nodes: list[Node]
) -> None:
    with Visitors(site.url) as visitors:
        time.sleep(3)
        for node in three_nodes:
            node.kill()
        time.sleep(DOWN_SECONDS / 2)
        assert site.pending() > 0
        stopped = time.monotonic()
        site.stop()
        time.sleep(0.5)
        site.start(probe="/healthz")  # with Cassandra down
        started = time.monotonic()
        time.sleep(DOWN_SECONDS / 2)
        for node in three_nodes:
            node.start()
        for node in three_nodes:
            node.wait()
        time.sleep(3)
    site.wait_until_replayed()
    visits = visitors.visits()
    failed = [visit for visit in visits if not visit.predicted]
    assert failed
    # A site that stops refuses connections, and resets those that wait in its socket.
    assert {visit.error for visit in failed} <= {"no connection", "connection broken"}
    assert all(visit.ended > stopped and visit.started < started for visit in failed)
    assert any(visit.outcome == "spooled" for visit in visits)
    assert_nothing_lost(visits, three_nodes)
