"""Three nodes, each with a replica of every row."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cassandra.node import Node, missing
from tests.harness.cassandra_ring import three_nodes_running
from tests.harness.fake_model_server import SURE_SEVEN, fake_model_server
from tests.harness.needs import need
from tests.harness.site import SiteProcess


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.ring)


@pytest.fixture(scope="session")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    need(not missing(), missing())
    with three_nodes_running(tmp_path_factory.mktemp("ring")) as nodes:
        yield nodes


@pytest.fixture
def site(three_nodes: list[Node], tmp_path: Path) -> Iterator[SiteProcess]:
    """The site, recording on the three nodes."""
    with fake_model_server() as model:
        model.predictions = [SURE_SEVEN]
        site = SiteProcess(
            tmp_path,
            SERVING_URL=model.url,
            CASSANDRA_HOSTS=",".join(node.address for node in three_nodes),
            CASSANDRA_PORT=str(three_nodes[0].port),
            CASSANDRA_DC="datacenter1",
            CASSANDRA_RF="3",
            WEB_THREADS="6",
        )
        site.succeed("migrate", "--verbosity=0")
        site.succeed("sync_records")
        site.start(probe="/healthz")
        yield site
        site.stop()
