"""Two web machines on one PostgreSQL, as processes with files of their own."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.harness.fake_model_server import SURE_SEVEN, fake_model_server
from tests.harness.nginx import nginx_in, start_on_a_host
from tests.harness.ports import free_port
from tests.harness.site import SiteProcess
from tests.harness.visitors import Visitors, outcomes

LEFT_OUT_SECONDS = 2.5  # after a failure nginx leaves a machine out for two


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    """The DATABASE_URL of an empty database."""
    name = "several_machines"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def machines(database: str, tmp_path: Path) -> Iterator[list[SiteProcess]]:
    with fake_model_server() as model, ExitStack() as stack:
        model.predictions = [SURE_SEVEN]
        sites = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            site = SiteProcess(
                tmp_path / name,
                DATABASE_URL=database,
                SERVING_URL=model.url,
                RUNTIME_DIR=str(tmp_path / name / "run"),
                FORWARDED_ALLOW_IPS="127.0.0.1",
            )
            stack.callback(site.stop)
            sites.append(site)
        yield sites


def count_records(database: str) -> int:
    with psycopg.connect(database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM record_data").fetchone() or (0,)
    return int(count)


def test_both_may_migrate_at_the_same_time(machines: list[SiteProcess]) -> None:
    with ThreadPoolExecutor() as pool:
        finished = list(pool.map(lambda site: site.manage("migrate", "--no-input"), machines))
    assert [one.returncode for one in finished] == [0, 0], [one.stderr for one in finished]
    assert sum("Applying records.0001" in one.stdout for one in finished) == 1
    assert machines[0].succeed("migrate", "--check") is not None


def test_one_after_the_other_is_replaced_without_a_failed_request(
    machines: list[SiteProcess], database: str, tmp_path: Path
) -> None:
    machines[0].succeed("migrate", "--verbosity=0")
    for site in machines:
        site.start()
    proxy = tmp_path / "proxy"
    proxy.mkdir()
    port = free_port()
    with nginx_in(proxy) as start:
        addresses = {
            f"10.0.0.{number}:8000": f"127.0.0.1:{site.port}"
            for number, site in enumerate(machines, start=1)
        }
        start_on_a_host(start, proxy, "machines.conf", port=port, **addresses)
        with Visitors(f"http://127.0.0.1:{port}", pause=0.0) as visitors:
            visitors.wait_for(20)
            for _round in range(2):
                for site in machines:
                    site.stop()
                    visitors.wait_for(20)
                    site.start()
                    time.sleep(LEFT_OUT_SECONDS)
        visits = visitors.visits()
    print(f"4 replacements, {len(visits)} predictions: {outcomes(visits)}")
    assert all(visit.predicted for visit in visits), outcomes(visits)
    assert count_records(database) == len(visits)
