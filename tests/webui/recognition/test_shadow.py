"""The shadow: asked afterwards, kept beside the record, and without effect on the visitor."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from prometheus_client import REGISTRY
from pytest_django import Settings

from tests.harness import ROOT
from tests.harness.fake_model_server import FakeModelServer, Reply
from tests.harness.waiting import wait_until
from tests.webui.predictions import post
from tests.webui.records.factory import make_record
from webui.recognition import shadow
from webui.recognition.shadow import Drawing, ShadowThread, ask
from webui.records.deletions import records_expired
from webui.records.models import Record
from webui.records.store import store
from webui.rollout import selectors
from webui.rollout.canary import shares
from webui.rollout.models import RolloutState, ShadowAnswer
from webui.rollout.serving import shadow_client

pytestmark = pytest.mark.django_db(transaction=True)
SURE_ONE = [0.0, 0.95, *[0.005] * 8, 0.01]


def outcomes(outcome: str) -> float:
    return REGISTRY.get_sample_value("digits_shadow_total", {"outcome": outcome}) or 0.0


def answer_one(path: str) -> Reply | None:
    """Let version 5, the shadow, read a one; version 4 reads a seven."""
    return Reply(document={"predictions": [SURE_ONE]}) if "/versions/5:" in path else None


@pytest.fixture
def model(model: FakeModelServer, settings: Settings) -> FakeModelServer:
    """Version 4 is stable, 5 the shadow of every drawing."""
    settings.MODEL_NAME = "digits"
    model.labels["shadow"] = 5
    model.loaded.add(5)
    model.on_request = answer_one
    RolloutState.objects.create(pk="digits", shadow_share=100)
    shares.forget()
    return model


@pytest.fixture(autouse=True)
def thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[ShadowThread]:
    """A thread of the test's own, which is idle when the test ends."""
    monkeypatch.setattr(shadow, "AFTER_SECONDS", 0.0)
    monkeypatch.setattr(shadow, "_thread", ShadowThread())
    shadow_client.cache_clear()
    own = shadow._thread
    yield own
    wait_until(lambda: is_idle(own), message="the shadow's thread is idle")
    shadow_client.cache_clear()
    shares.forget()


def is_idle(thread: ShadowThread) -> bool:
    return thread._drawings.unfinished_tasks == 0


def test_a_disagreement_is_kept_beside_the_record(
    model: FakeModelServer, client: Client, thread: ShadowThread
) -> None:
    before = outcomes("disagreed")
    made = post(client)
    assert (made.status_code, made.json()["digit"], made.json()["model"]["version"]) == (201, 7, 4)
    wait_until(lambda: is_idle(thread))
    kept = ShadowAnswer.objects.get()
    record = store().get(kept.record_id)
    assert str(record.id) == made.json()["id"]
    assert (kept.version, kept.label, kept.digit, kept.verdict) == (5, "1", 1, "digit")
    assert (kept.answered_version, kept.answered_label, kept.agrees) == (4, "7", False)
    assert (kept.confidence, kept.recorded_at) == (0.95, record.predicted_at)
    assert outcomes("disagreed") == before + 1
    assert selectors.disagreeing([record.id]) == {record.id}
    assert selectors.shadow_statistics()[0].disagreed_percent == 100


def test_an_equal_answer_is_no_disagreement(
    model: FakeModelServer, client: Client, thread: ShadowThread
) -> None:
    model.on_request = lambda _path: None
    made = post(client)
    wait_until(lambda: is_idle(thread))
    assert ShadowAnswer.objects.get().agrees
    # Both saw the same instance, but for rounding.
    seen, again = model.bodies
    assert abs(seen[0][14][14][0] - again[0][14][14][0]) <= 1 / 255
    assert not selectors.disagreeing([made.json()["id"]])


@pytest.mark.parametrize("fault", ["no label", "not loaded", "error", "garbage"])
def test_a_dead_shadow_changes_nothing(
    model: FakeModelServer, client: Client, thread: ShadowThread, fault: str
) -> None:
    replies = {"error": Reply(500, {"error": "broken"}), "garbage": Reply(body=b"{")}
    if fault == "no label":
        del model.labels["shadow"]
    elif fault == "not loaded":
        model.loaded.remove(5)
        model.on_request = lambda _path: None
    else:
        model.on_request = lambda path: replies[fault] if "/versions/5:" in path else None
    before = outcomes("failed")
    made = post(client)
    assert (made.status_code, made.json()["digit"]) == (201, 7)
    wait_until(lambda: outcomes("failed") == before + 1)
    assert not ShadowAnswer.objects.exists()
    # The stable version is not asked in its place.
    assert sum("/versions/4:" in path for path in model.requests) == 1


def test_a_slow_shadow_makes_nobody_wait_and_drawings_are_dropped(
    model: FakeModelServer,
    client: Client,
    thread: ShadowThread,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadow, "QUEUED", 2)
    answered = threading.Event()

    def wait(path: str) -> Reply | None:
        if "/versions/5:" in path:
            answered.wait(60)
        return None

    model.on_request = wait
    before = outcomes("dropped")
    # The shadow answers only after all of these have been answered.
    statuses = [post(client).status_code for _ in range(6)]
    answered.set()
    assert statuses == [201] * 6
    assert Record.objects.count() == 6
    assert outcomes("dropped") >= before + 3  # one is being asked, two wait


def test_an_unexpected_fault_changes_nothing(
    model: FakeModelServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(shadow, "ask", fail)
    assert post(client).status_code == 201
    monkeypatch.setattr(shadow.Drawing, "of", fail)
    assert post(client).status_code == 201


def test_only_a_share_of_the_drawings_is_asked_about(
    model: FakeModelServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[Drawing] = []

    def put(_: ShadowThread, drawing: Drawing) -> bool:
        queued.append(drawing)
        return True

    monkeypatch.setattr(ShadowThread, "put", put)
    for share, least, most in ((0, 0, 0), (30, 90, 210), (100, 500, 500)):
        RolloutState.objects.update(shadow_share=share)
        shares.forget()
        queued.clear()
        for _ in range(500):
            shadow.offer(make_record())
        assert least <= len(queued) <= most  # 150 of 500 for 30 %, and six standard deviations


def test_the_answer_goes_with_its_record(model: FakeModelServer) -> None:
    records = [make_record(model_version=4) for _ in range(3)]
    for record in records:
        store().append(record)
        assert ask(Drawing.of(record)) is not None
    store().delete([records[0].id])
    assert ShadowAnswer.objects.count() == 2
    records_expired.send(Record, before=records[1].predicted_at + timedelta(microseconds=1))
    assert ShadowAnswer.objects.get().record_id == records[2].id


def test_nothing_is_kept_of_a_record_that_was_deleted_meanwhile(model: FakeModelServer) -> None:
    record = make_record(model_version=4)
    assert ask(Drawing.of(record)) is None
    assert not ShadowAnswer.objects.exists()


def test_a_process_ends_while_the_shadow_is_asked() -> None:
    """The thread waits for an answer that never comes."""
    code = (
        "import threading, django; django.setup()\n"
        "from webui.recognition import shadow\n"
        "from tests.webui.records.factory import make_record\n"
        "asked = threading.Event()\n"
        "def ask(drawing):\n"
        "    asked.set()\n"
        "    threading.Event().wait()\n"
        "shadow.ask = ask\n"
        "assert shadow._thread.put(shadow.Drawing.of(make_record()))\n"
        "assert asked.wait(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0
