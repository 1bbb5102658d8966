"""A Cassandra node for one measurement, and the environment of a site that uses it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.cassandra.node import Node, running
from tests.harness.ports import free_port


@contextmanager
def own_cassandra(*, with_nodetool: bool = False, **settings: str) -> Iterator[Node]:
    """Starts a node in a temporary directory, and sets this process's environment for it."""
    with TemporaryDirectory(prefix="cassandra-benchmark-") as folder:
        node = Node(
            directory=Path(folder) / "node",
            port=free_port(),
            storage_port=free_port(),
            jmx_port=free_port() if with_nodetool else None,
        )
        with running([node]):
            os.environ.update(
                SECRET_KEY="only-for-a-measurement-" + "x" * 40,
                ENV_FILES="off",
                DATABASE_URL=f"sqlite:///{folder}/site.sqlite3",
                CASSANDRA_HOSTS=node.address,
                CASSANDRA_PORT=str(node.port),
                CASSANDRA_TIMEOUT_MS="30000",
                DJANGO_SETTINGS_MODULE="webui.settings",
                **settings,
            )
            yield node
