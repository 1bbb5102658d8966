"""What the site is for: an id that a visitor got is a record in Cassandra, and only one."""

import os
import time
from collections import Counter

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import RoundRobinPolicy
from cassandra.query import SimpleStatement

from deploy.cassandra.node import Node
from tests.cassandra.stack import Site, Visitors

DOWN_SECONDS = float(os.environ.get("RING_DOWN_SECONDS", "12"))


def stored(nodes: list[Node]) -> Counter[str]:
    """How often each id is in record_data, a quorum being asked."""
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
            "SELECT id FROM record_data",
            consistency_level=ConsistencyLevel.QUORUM,
            fetch_size=2000,
        )
        return Counter(str(row.id) for row in session.execute(every, timeout=60))
    finally:
        cluster.shutdown()


def assert_nothing_lost(visitors: Visitors, nodes: list[Node]) -> None:
    found = stored(nodes)
    assert not visitors.failures, (str(visitors), visitors.failures[:3])
    assert len(visitors.ids) == len(set(visitors.ids))
    assert not [one for one in visitors.ids if one not in found], str(visitors)
    assert not [one for one, times in found.items() if times > 1]


def test_one_of_three_nodes_is_killed_and_comes_back(site: Site, three_nodes: list[Node]) -> None:
    with Visitors(site.url) as visitors:
        time.sleep(3)
        three_nodes[1].kill()
        time.sleep(DOWN_SECONDS)
        three_nodes[1].start()
        three_nodes[1].wait()
        time.sleep(3)
    site.wait_until_moved()
    print(visitors)
    assert visitors.unreached == 0
    assert visitors.recorded["stored"] > 0
    assert_nothing_lost(visitors, three_nodes)


def test_all_of_cassandra_is_down_and_the_site_is_restarted_meanwhile(
    site: Site, three_nodes: list[Node]
) -> None:
    with Visitors(site.url) as visitors:
        time.sleep(3)
        for node in three_nodes:
            node.kill()
        time.sleep(DOWN_SECONDS / 2)
        assert site.waiting() > 0
        with visitors.no_site():
            site.stop()
            time.sleep(0.5)
            site.start()  # with Cassandra down
        time.sleep(DOWN_SECONDS / 2)
        for node in three_nodes:
            node.start()
        for node in three_nodes:
            node.wait()
        time.sleep(3)
    site.wait_until_moved()
    print(visitors)
    assert visitors.unreached > 0
    assert visitors.recorded["spooled"] > 0
    assert_nothing_lost(visitors, three_nodes)
