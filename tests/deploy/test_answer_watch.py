"""A silent server is reported, a starting or slow one is not."""

from deploy.answer_watch import FROZEN_SECONDS, PROBE_SECONDS, AnswerWatch
from tests.harness.fake_model_server import FakeModelServer, Reply, fake_model_server
from tests.harness.ports import free_port


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def frozen_after(watch: AnswerWatch, clock: Clock, seconds: float) -> bool:
    """Returns what the watch reports when it was asked every second for so long."""
    frozen = False
    for _ in range(int(seconds)):
        clock.now += 1
        frozen = watch.is_frozen()
    return frozen


def silence(server: FakeModelServer) -> None:
    """Closes every connection without an answer."""
    server.drop = 1_000_000


def test_a_server_that_falls_silent_is_reported() -> None:
    clock = Clock()
    with fake_model_server() as server:
        watch = AnswerWatch(server.url, start_seconds=180, clock=clock)
        server.on_request = lambda _path: Reply(404, {})  # any answer counts
        assert not frozen_after(watch, clock, 100)
        assert len(server.requests) <= 100 / PROBE_SECONDS + 1
        silence(server)
        assert not frozen_after(watch, clock, FROZEN_SECONDS - PROBE_SECONDS)
        assert frozen_after(watch, clock, PROBE_SECONDS + 2)
        watch.restarted()
        assert not watch.is_frozen()


def test_a_server_may_take_long_to_start() -> None:
    clock = Clock()
    watch = AnswerWatch(f"http://127.0.0.1:{free_port()}", start_seconds=180, clock=clock)
    assert not frozen_after(watch, clock, 180)
    assert frozen_after(watch, clock, 2)
