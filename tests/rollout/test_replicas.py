"""Two model servers share the models; one is killed, restarted and frozen under eight visitors.

`REPLICA_SWAPS=20` makes it twenty promotions and rollbacks.
"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.model_server import ModelServerProcess
from tests.harness.served_model import ServedModel
from tests.harness.site import SiteProcess
from tests.harness.visitors import Visit, Visitors, outcomes
from tests.harness.waiting import wait_until
from tests.rollout.operator import Operator

SWAPS = int(os.environ.get("REPLICA_SWAPS", "6"))


@pytest.fixture
def second(served_model: ServedModel) -> Iterator[ModelServerProcess]:
    """A second server on the same models directory."""
    server = ModelServerProcess(served_model.server.models_dir)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def site(
    served_model: ServedModel, second: ModelServerProcess, tmp_path: Path
) -> Iterator[SiteProcess]:
    site = SiteProcess(
        tmp_path,
        SERVING_URL=f"{served_model.server.url},{second.url}",
        MODELS_DIR=str(served_model.server.models_dir),
        MODEL_NAME=served_model.model_name,
    )
    site.succeed("migrate", "--verbosity=0")
    site.start()
    yield site
    site.stop()


@pytest.fixture
def visitors(site: SiteProcess) -> Visitors:
    return Visitors(site.url, pause=0.0)


def failures(visitors: Visitors) -> list[Visit]:
    return [visit for visit in visitors.visits() if not visit.predicted]


def wait_for_log(site: SiteProcess, text: str) -> None:
    wait_until(lambda: text in site.log.read_text(), message=f"the log says {text!r}")


def test_one_of_two_is_killed_and_comes_back_by_itself(
    second: ModelServerProcess, site: SiteProcess, visitors: Visitors
) -> None:
    with visitors:
        visitors.wait_for(20)
        second.kill()
        visitors.wait_for(60)
        second.start()
        wait_for_log(site, f"the model server at {second.url} answers again")
        visitors.wait_for(20)
    assert not failures(visitors), outcomes(visitors.visits())


def test_a_frozen_one_delays_no_answer_beyond_the_deadline(
    second: ModelServerProcess, site: SiteProcess, visitors: Visitors, operate: Operator
) -> None:
    with visitors:
        visitors.wait_for(20)
        second.pause()
        try:
            visitors.wait_for(60)
            refused = operate("promote", version=2)
            assert refused["error"] == "ChangeRefused"
            assert f"{second.url} did not answer in time; nothing was changed" in refused["message"]
        finally:
            second.resume()
        wait_for_log(site, f"the model server at {second.url} answers again")
    assert not failures(visitors), outcomes(visitors.visits())


def test_no_answer_is_older_than_the_label_while_one_is_restarted(
    second: ModelServerProcess, visitors: Visitors, operate: Operator
) -> None:
    settled: list[tuple[float, float, int]] = []  # from, until, the stable version
    restart = threading.Thread(target=second.start)
    with visitors:
        for swap in range(1, SWAPS + 1):
            version = 2 if swap % 2 else 1
            operate.succeed("promote", version=version)
            since = time.monotonic()
            if swap == 2:
                second.kill()
            if swap == 3:
                restart.start()  # it imports TensorFlow while versions are promoted
            if swap == SWAPS - 1:
                restart.join()
            visitors.wait_for(10)
            settled.append((since, time.monotonic(), version))
    visits = visitors.visits()
    print(f"{SWAPS} promotions, {len(visits)} predictions: {outcomes(visits)}")
    assert not failures(visitors), outcomes(visits)
    checked = 0
    for visit in visits:
        for since, until, version in settled:
            if since <= visit.started and visit.ended <= until:
                checked += 1
                assert visit.version == version
    assert checked >= 5 * SWAPS
