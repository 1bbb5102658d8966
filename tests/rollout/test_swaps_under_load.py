"""Versions are swapped while eight clients never stop asking: nobody notices.

`SWAPS=100` makes it a hundred promotions and rollbacks; a few suffice to see that it works, since
what bounds a swap is the server's poll of its configuration, once a second.
"""

import collections
import os
import shutil
from pathlib import Path

import pytest

from serving.versions.manager import LABEL_MOVE_SECONDS
from tests.rollout.site import Clients, running_site
from tests.serving.model_server import Stage
from tests.serving.tiny_models import write_card

SWAPS = int(os.environ.get("SWAPS", "12"))
SERVER_POLL_SECONDS = 1.0  # two moves of a label are at least that far apart

pytestmark = pytest.mark.timeout(SWAPS * LABEL_MOVE_SECONDS + 600)


def test_swaps_corrupt_exports_and_half_copies_under_load(stage: Stage, tmp_path: Path) -> None:
    corrupt = tmp_path / "corrupt"
    shutil.copytree(stage.exports / "digit-3", corrupt)
    (corrupt / "saved_model.pb").write_bytes(b"\x08\x01garbled" * 40)
    half = tmp_path / "half"
    shutil.copytree(stage.exports / "digit-3", half)
    (half / "variables" / "variables.index").unlink()

    with running_site(stage, tmp_path) as site, Clients(site, stage) as clients:
        operator = site.operator
        clients.wait_for(20, status=201)
        for swap in range(1, SWAPS + 1):
            if swap % 2:
                operator.done("promote", version=2, note=f"swap {swap}")
            else:
                operator.done("rollback", note=f"swap {swap}")
            if swap == SWAPS // 3:
                # Found out by the trial, and then, as in an image without TensorFlow and with a
                # card that agrees, by the model server itself.
                assert operator("publish", source=str(corrupt))["error"] == "ChangeFailed"
                write_card(corrupt)
                refused = operator("publish", source=str(corrupt), without_tensorflow=True)
                assert refused["error"] == "ChangeFailed"
                assert "the model server does not load version 3" in refused["message"]
            if swap == 2 * SWAPS // 3:
                assert operator("publish", source=str(half))["error"] == "ChangeFailed"
                # Somebody copies straight into the models directory, and is interrupted.
                shutil.copytree(half, stage.repository.version_dir(4))
                assert operator("promote", version=4)["error"] == "ChangeFailed"
        clients.wait_for(20, status=201)

    records = site.records()
    statuses = collections.Counter(one.status for one in clients.asked)
    print(f"{SWAPS} swaps, {len(clients.asked)} predictions, by status {dict(statuses)}")
    assert clients.broken == []
    assert set(statuses) == {201}
    assert {one.version for one in clients.asked} == {1, 2}
    for one in clients.asked:
        # The version said is the one that answered, and the record says the same.
        assert one.digit_said == one.version
        version, probabilities = records[one.id]
        assert version == one.version
        assert probabilities.index(max(probabilities)) == version
    assert len(records) == len(clients.asked)
    stale = [
        one
        for one in clients.asked
        if one.version not in (one.labelled_before, one.labelled_after)
        # Within a poll the label moves once at most; over more it may go there and back.
        and one.seconds < SERVER_POLL_SECONDS
    ]
    assert stale == []


def test_a_canary_answers_its_share_and_no_request_fails_when_it_goes(
    stage: Stage, tmp_path: Path
) -> None:
    with running_site(stage, tmp_path) as site, Clients(site, stage) as clients:
        site.operator.done("start_canary", version=2, share=50)
        # A changed share reaches each process within two seconds.
        stage.wait(lambda: any(one.label == "canary" for one in list(clients.asked)), seconds=240)
        clients.wait_for(30, status=201)
        site.operator.done("withdraw")
        site.operator.done("retire", version=2)
        seen = len(clients.asked)
        clients.wait_for(30, status=201)
    assert clients.broken == []
    assert {one.status for one in clients.asked} == {201}
    assert {(one.label, one.version) for one in clients.asked} == {("stable", 1), ("canary", 2)}
    assert {one.version for one in clients.asked[seen + 8 :]} == {1}


def test_a_server_that_dies_and_comes_back(stage: Stage, tmp_path: Path) -> None:
    with running_site(stage, tmp_path) as site, Clients(site, stage) as clients:
        clients.wait_for(20, status=201)
        stage.server.kill()
        clients.wait_for(40, status=503)
        stage.server.start()
        clients.wait_for(40, status=201)
    assert clients.broken == []
    assert {one.status for one in clients.asked} == {201, 503}
    assert all(int(one.retry_after) > 0 for one in clients.asked if one.status == 503)
    assert len(site.records()) == clients.count(201)
