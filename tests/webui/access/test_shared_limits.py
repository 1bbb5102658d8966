"""Rate limits in a Valkey server: as on one machine, for all machines together."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.harness.drawings import draw_seven
from tests.harness.fake_model_server import SURE_SEVEN, fake_model_server
from tests.harness.site import SiteProcess
from tests.harness.valkey import ValkeyProcess, valkey_server
from webui.access import shared_limiter
from webui.access.limiter import Limiter
from webui.access.rate import Rate
from webui.access.shared_limiter import SharedLimiter

NAMES = count()
RATES = {"visitor": Rate(count=3, seconds=60), "address": Rate(count=7, seconds=60)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyProcess]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def limiter(server: ValkeyProcess, tmp_path: Path) -> Iterator[SharedLimiter]:
    limiter = SharedLimiter(server.url, own=Limiter(tmp_path / "limits.sqlite3"))
    yield limiter
    limiter.close()


REQUESTS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(sorted(RATES)), min_size=1),
        st.integers(1, 3),  # units
        st.floats(0, 40),  # seconds since the request before
    ),
    max_size=30,
)


@hypothesis_settings(max_examples=40, deadline=None)
@given(requests=REQUESTS)
def test_it_answers_as_the_limiter_of_one_machine(
    server: ValkeyProcess,
    tmp_path_factory: pytest.TempPathFactory,
    requests: list[tuple[set[str], int, float]],
) -> None:
    directory, name, now = tmp_path_factory.mktemp("limits"), next(NAMES), 1.7e9
    own = Limiter(directory / "own.sqlite3")
    shared = SharedLimiter(server.url, own=Limiter(directory / "unused.sqlite3"))
    try:
        for callers, units, seconds in requests:
            now += seconds
            counted = [(f"{caller} {name}", RATES[caller]) for caller in sorted(callers)]
            expected = own.wait_for_all(counted, units=units, now=now)
            found = shared.wait_for_all(counted, units=units, now=now)
            assert found == pytest.approx(expected, abs=1e-5)
    finally:
        own.close()
        shared.close()
    assert not (directory / "unused.sqlite3").exists()


def test_a_count_expires_when_the_rate_is_whole_again(limiter: SharedLimiter) -> None:
    rate = Rate(count=2, seconds=60)
    assert limiter.ahead("new") == 0
    assert limiter.wait("new", rate) == 0
    assert limiter.ahead("new") == pytest.approx(30, abs=5)
    assert limiter.wait("new", rate) == 0
    assert 0 < limiter.wait("new", rate) <= 30
    soon = Rate(count=20, seconds=1)
    assert limiter.wait("soon", soon) == 0
    assert limiter.ahead("soon") <= 0.05


def test_while_the_server_is_down_each_machine_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared_limiter, "LEFT_OUT_SECONDS", 0.0)
    rate = Rate(count=1, seconds=3600)
    with valkey_server(tmp_path) as server:
        limiter = SharedLimiter(server.url, own=Limiter(tmp_path / "limits.sqlite3"))
        try:
            assert limiter.wait("a", rate) == 0
            assert limiter.wait("a", rate) > 0
            server.kill()
            assert limiter.wait("a", rate) == 0  # this machine has not counted any yet
            assert limiter.wait("a", rate) > 0
            assert limiter.ahead("a") > 0
            server.start()
            assert limiter.wait("b", rate) == 0
        finally:
            limiter.close()


def test_two_machines_share_a_rate(server: ValkeyProcess, tmp_path: Path) -> None:
    picture = draw_seven()
    with fake_model_server() as model, ExitStack() as stack:
        model.predictions = [SURE_SEVEN]
        sites = []
        for name in ("one", "two"):
            directory = tmp_path / name
            directory.mkdir()
            site = SiteProcess(
                directory, SERVING_URL=model.url, RATE_LIMIT="5/h", LIMITS_URL=server.url
            )
            site.succeed("migrate", "--verbosity=0")
            site.start()
            stack.callback(site.stop)
            sites.append(site)
        statuses = [
            requests.post(
                f"{sites[number % 2].url}/api/v1/predictions",
                data=picture, headers={"Content-Type": "image/png"}, timeout=60,
            ).status_code
            for number in range(8)
        ]  # fmt: skip
    assert statuses == [201] * 5 + [429] * 3


def test_without_the_client_library_the_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['valkey'] = None\n"
        "from webui.access.shared_limiter import SharedLimiter\n"
        "SharedLimiter('valkey://127.0.0.1:6379/0', own=None)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert "install requirements/limits.txt, or unset LIMITS_URL" in finished.stderr
