"""200 slow clients: good requests are answered meanwhile, and the slow ones in the end refused."""

import time

import pytest
import requests

from tests.harness.drawings import draw_seven
from tests.harness.site import SiteProcess
from tests.harness.slow_clients import BODIES, HEADERS, KINDS, READERS, SlowClients
from tests.harness.visitors import predict
from tests.harness.waiting import wait_until
from webui.http_server.connection import BODY_SECONDS, HEAD_SECONDS

CLIENTS = 200
GOOD_REQUESTS = 20
# 0.02 s is usual on an idle machine. A thread that slow clients hold is not free for minutes.
ANSWER_SECONDS = 5.0
LARGE = "/static/admin/js/vendor/jquery/jquery.js"  # 285 KB: more than the kernel takes at once


@pytest.mark.parametrize("kinds", [(HEADERS,), (BODIES,), (READERS,), KINDS], ids=" ".join)
def test_good_requests_are_answered_meanwhile(
    live_site: SiteProcess, kinds: tuple[str, ...]
) -> None:
    with SlowClients(live_site.port, count=CLIENTS, kinds=kinds, large=LARGE) as slow:
        wait_until(lambda: slow.connected == CLIENTS, seconds=30, message="all are connected")
        time.sleep(1.0)
        took = []
        for _ in range(GOOD_REQUESTS):
            started = time.monotonic()
            assert requests.get(live_site.url, timeout=ANSWER_SECONDS).ok
            took.append(time.monotonic() - started)
        assert predict(live_site.url, draw_seven()).predicted
        assert sorted(took)[GOOD_REQUESTS // 2] < 1.0  # the median; 0.02 s is usual


def test_slow_senders_are_refused_in_the_end(live_site: SiteProcess) -> None:
    with SlowClients(live_site.port, count=20, kinds=(HEADERS, BODIES)) as slow:
        wait_until(
            lambda: slow.ended >= 20 and slow.answers == {b"408"},
            seconds=3 * (HEAD_SECONDS + BODY_SECONDS),
            message="all were answered 408",
            details=lambda: f"{slow.ended} ended, answers {slow.answers}",
        )
