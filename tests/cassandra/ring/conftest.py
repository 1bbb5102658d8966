"""Three nodes that hold a copy each, on three addresses of this machine."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra import OperationTimedOut
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import WhiteListRoundRobinPolicy

from deploy.cassandra.node import Node, missing, ring, running
from tests.cassandra.stack import Site, model_endpoint
from tests.needs import need

GOSSIP_SECONDS = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.ring)


@pytest.fixture(scope="session")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    need(not missing(), missing())
    # Any of 127.0.0.0/8 is this machine; a network of our own keeps runs apart.
    network = f"127.{random.randint(20, 250)}.{random.randint(1, 250)}"
    nodes = ring(tmp_path_factory.mktemp("ring"), network)
    with running(nodes):
        wait_until_joined(nodes)
        yield nodes


def wait_until_joined(nodes: list[Node]) -> None:
    """Until every node knows every other one; a driver that connects earlier sees fewer."""
    deadline = time.monotonic() + GOSSIP_SECONDS
    while time.monotonic() < deadline:
        if all(_knows(node) == len(nodes) for node in nodes):
            return
        time.sleep(0.5)
    raise AssertionError("the nodes did not find each other")


def _knows(node: Node) -> int:
    """How many nodes this one sees as part of the ring, itself included."""
    only_this = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy([node.address]))
    cluster = Cluster(
        [node.address],
        port=node.port,
        protocol_version=4,
        execution_profiles={EXEC_PROFILE_DEFAULT: only_this},
    )
    try:
        rows = cluster.connect().execute(
            "SELECT status, status_with_port FROM system_views.gossip_info"
        )
        states = [row.status_with_port or row.status or "" for row in rows]
        return sum(state.startswith("NORMAL") for state in states)
    except (NoHostAvailable, OperationTimedOut):  # not yet
        return 0
    finally:
        cluster.shutdown()


@pytest.fixture
def site(three_nodes: list[Node], tmp_path: Path) -> Iterator[Site]:
    """The site, recording on the three nodes."""
    with model_endpoint() as model:
        made = Site(
            tmp_path,
            {
                "CASSANDRA_HOSTS": ",".join(node.address for node in three_nodes),
                "CASSANDRA_PORT": str(three_nodes[0].port),
                "CASSANDRA_DC": "datacenter1",
                "CASSANDRA_RF": "3",
                "SERVING_URL": model,
            },
        )
        made.migrate()
        done = made.manage("sync_records")
        assert done.returncode == 0, done.stderr
        made.start()
        yield made
        made.stop()
