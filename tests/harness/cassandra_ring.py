"""Three Cassandra nodes on three addresses of this machine."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cassandra import OperationTimedOut
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import WhiteListRoundRobinPolicy

from deploy.cassandra.node import Node, running
from tests.harness.ports import free_port
from tests.harness.waiting import wait_until

GOSSIP_SECONDS = 120
# Three equal parts of the Murmur3 ring, for three nodes with one token each.
RING_TOKENS = (-9223372036854775808, -3074457345618258603, 3074457345618258602)


@contextmanager
def three_nodes_running(directory: Path, *, with_nodetool: bool = False) -> Iterator[list[Node]]:
    """Start three nodes with their data in a folder, and stop them at the end."""
    # Any of 127.0.0.0/8 is this machine; a network of our own keeps runs apart.
    network = f"127.{random.randint(20, 250)}.{random.randint(1, 250)}"
    addresses = [f"{network}.{number}" for number in (1, 2, 3)]
    nodes = [
        Node(
            directory=directory / address,
            address=address,
            seeds=addresses,
            token=token,
            ring_delay_ms=1000,
            jmx_port=free_port() if with_nodetool else None,
        )
        for address, token in zip(addresses, RING_TOKENS, strict=True)
    ]
    with running(nodes):
        # A driver that connects before every node knows the others sees fewer of them.
        wait_until(
            lambda: all(_ring_size(node) == len(nodes) for node in nodes),
            seconds=GOSSIP_SECONDS,
            message="the nodes have found each other",
            interval=0.5,
        )
        yield nodes


def _ring_size(node: Node) -> int:
    """Return the number of nodes that this one sees in the ring, itself included."""
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
