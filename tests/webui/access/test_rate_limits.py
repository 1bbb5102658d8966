"""The rate limit is exact, shared by processes, and cannot be evaded by way of cookies."""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.webui.predictions import post
from webui.access.limiter import Limiter
from webui.access.rate import Rate, parse_rate
from webui.access.rate_limits import SHARED_ADDRESS


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("120/m", Rate(count=120, seconds=60)),
        ("5/S", Rate(count=5, seconds=1)),
        ("1000/d", Rate(count=1000, seconds=86400)),
        ("off", None),
    ],
)
def test_rates(text: str, rate: Rate | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0/m", "-1/m", "5", "5/w", "m/5", "5/m;", "of"])
def test_a_wrong_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rate(text)


@hypothesis_settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 200), seconds=st.sampled_from([1, 60, 3600]))
def test_a_burst_is_served_and_the_next_request_must_wait(
    tmp_path_factory: pytest.TempPathFactory, count: int, seconds: int
) -> None:
    limiter = Limiter(tmp_path_factory.mktemp("limits") / "limits.sqlite3")
    rate = Rate(count=count, seconds=seconds)
    now = 1.7e9
    try:
        assert [limiter.wait("a", rate, now=now) for _ in range(count)] == [0.0] * count
        wait = limiter.wait("a", rate, now=now)
        assert 0 < wait <= seconds / count + 1e-3
        assert limiter.wait("a", rate, now=now) == wait  # a refused request is not counted
        assert limiter.wait("b", rate, now=now) == 0
        assert limiter.wait("a", rate, now=now + wait + 1e-3) == 0
        assert limiter.wait("a", rate, now=now + wait + 1e-3) > 0
    finally:
        limiter.close()


def test_a_refused_request_counts_for_nobody(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path / "limits.sqlite3")
    own, shared = Rate(count=2, seconds=60), Rate(count=3, seconds=60)
    now = 1.7e9

    def wait(visitor: str) -> float:
        return limiter.wait_for_all([(visitor, own), ("address", shared)], now=now)

    try:
        assert [wait("a"), wait("a")] == [0, 0]
        assert all(wait("a") > 0 for _ in range(100))
        assert wait("b") == 0  # the hundred did not count for the address
        refused = [wait("b") for _ in range(100)]  # the address has had its three
        assert all(0 < seconds <= 20 for seconds in refused)
        # Nor did they count for b itself, who has one left when the address has:
        now += refused[0] + 1e-3
        assert wait("b") == 0
    finally:
        limiter.close()


def count_served(path: Path, times: int, served: Any) -> None:
    limiter = Limiter(path)
    rate = Rate(count=50, seconds=86400)
    count = sum(limiter.wait("a", rate, now=1.7e9) == 0 for _ in range(times))
    limiter.close()
    served.put(count)


def test_processes_share_one_count(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    served = context.Queue()
    workers = [
        context.Process(target=count_served, args=(tmp_path / "limits.sqlite3", 40, served))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    counts = [served.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(counts) == 50


@pytest.mark.django_db
@pytest.mark.usefixtures("model")
def test_the_sixth_request_of_five_an_hour_is_refused(settings: Any) -> None:
    settings.RATE_LIMIT = parse_rate("5/h")
    client = Client()
    assert [post(client).status_code for _ in range(5)] == [201] * 5
    refused = post(client)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert 0 < int(refused["Retry-After"]) <= 720
    assert client.get("/").status_code == 200  # the page has no limit


@pytest.mark.django_db
@pytest.mark.usefixtures("model")
def test_dropping_cookies_does_not_evade_the_limit(settings: Any) -> None:
    settings.RATE_LIMIT = parse_rate("3/h")
    statuses = [post(Client()).status_code for _ in range(5)]
    assert statuses == [201] * 3 + [429] * 2


@pytest.mark.django_db
@pytest.mark.usefixtures("model")
def test_collecting_cookies_is_limited_by_address(settings: Any) -> None:
    settings.RATE_LIMIT = parse_rate("1/h")
    statuses = []
    for _ in range(SHARED_ADDRESS + 2):
        client = Client()
        client.get("/")
        statuses.append(post(client).status_code)
    assert statuses == [201] * SHARED_ADDRESS + [429] * 2


@pytest.mark.django_db
@pytest.mark.usefixtures("model")
def test_one_hammering_visitor_does_not_lock_out_the_others_behind_its_address(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred requests a second for 20 s, and one of a neighbour each second."""
    settings.RATE_LIMIT = parse_rate("120/m")
    hammer, neighbour = Client(), Client()
    for client in (hammer, neighbour):
        client.get("/")  # the visitor's cookie
    now = 1.7e9
    monkeypatch.setattr("webui.access.limiter.time.time", lambda: now)
    hammered: list[int] = []
    answered: list[int] = []
    for _second in range(20):
        for _request in range(100):
            now += 0.01
            # Without a picture: 400 when the rate admits it, which comes before the body.
            hammered.append(hammer.post("/api/v1/predictions").status_code)
        answered.append(post(neighbour).status_code)
    assert answered == [201] * 20
    assert set(hammered) == {400, 429}
    assert hammered.count(400) == pytest.approx(160, abs=2)  # a burst of 120, then two a second


@pytest.mark.django_db
@pytest.mark.usefixtures("model")
def test_without_a_limit_requests_are_served(settings: Any) -> None:
    settings.RATE_LIMIT = None
    assert post(Client()).status_code == 201
