"""Versions are swapped, withdrawn and killed while eight visitors ask without a pause.

`SWAPS=100` makes it a hundred promotions and rollbacks. A few are enough for a test: the server
polls its configuration once a second, which bounds the time of a swap.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from serving.versions.manager import LABEL_MOVE_SECONDS
from tests.harness.served_model import ServedModel
from tests.harness.site import SiteProcess
from tests.harness.tiny_models import name_unknown_operation, write_card
from tests.harness.visitors import Visit, Visitors, outcomes
from tests.rollout.operator import Operator

SWAPS = int(os.environ.get("SWAPS", "12"))
SERVER_POLL_SECONDS = 1.0  # two moves of a label are at least that far apart

pytestmark = pytest.mark.timeout(SWAPS * LABEL_MOVE_SECONDS + 600)


def likeliest(probabilities: list[float]) -> int:
    """Return the digit, which is the version's number in the tests' models."""
    return probabilities.index(max(probabilities))


def is_stale(visit: Visit) -> bool:
    """Return whether a version answered that was not stable before or after the prediction."""
    # Within a poll the label moves once at most; over more it may go there and back.
    seconds = visit.ended - visit.started
    return seconds < SERVER_POLL_SECONDS and visit.version not in (visit.before, visit.after)


def test_swaps_corrupt_exports_and_half_copies_under_load(
    served_model: ServedModel,
    site: SiteProcess,
    operate: Operator,
    visitors: Visitors,
    tmp_path: Path,
) -> None:
    corrupt = tmp_path / "corrupt"
    shutil.copytree(served_model.exports / "digit-3", corrupt)
    name_unknown_operation(corrupt)
    half = tmp_path / "half"
    shutil.copytree(served_model.exports / "digit-3", half)
    (half / "variables" / "variables.index").unlink()

    with visitors:
        visitors.wait_for(20)
        for swap in range(1, SWAPS + 1):
            if swap % 2:
                operate.succeed("promote", version=2, note=f"swap {swap}")
            else:
                operate.succeed("rollback", note=f"swap {swap}")
            if swap == SWAPS // 3:
                # Refused by the smoke test; and by the model server itself where there is no
                # TensorFlow for a smoke test and the model card fits the files.
                assert (
                    operate("publish", source=str(corrupt), gate_override="a test")["error"]
                    == "ChangeFailed"
                )
                write_card(corrupt)
                refused = operate(
                    "publish", source=str(corrupt), gate_override="a test", without_tensorflow=True
                )
                assert refused["error"] == "ChangeFailed"
                assert "the model server does not load version 3" in refused["message"]
            if swap == 2 * SWAPS // 3:
                assert operate("publish", source=str(half))["error"] == "ChangeFailed"
                # Somebody copies straight into the models directory, and is interrupted.
                shutil.copytree(half, served_model.repository.version_dir(4))
                assert operate("promote", version=4)["error"] == "ChangeFailed"
        visitors.wait_for(20)

    visits = visitors.visits()
    print(f"{SWAPS} swaps, {len(visits)} predictions: {outcomes(visits)}")
    assert all(visit.predicted for visit in visits), outcomes(visits)
    assert {visit.version for visit in visits} == {1, 2}
    records = site.records()
    assert len(records) == len(visits)
    for visit in visits:
        # The answer and the record name the version that made the prediction.
        assert likeliest(visit.prediction["probabilities"]) == visit.version
        record = records[visit.record_id.replace("-", "")]
        assert record["model_version"] == visit.version
        assert likeliest(json.loads(record["probabilities"])) == visit.version
    assert not [visit for visit in visits if is_stale(visit)]


def test_a_canary_answers_its_share_and_no_request_fails_when_it_goes(
    served_model: ServedModel, operate: Operator, visitors: Visitors
) -> None:
    with visitors:
        operate.succeed("start_canary", version=2, share=50)
        # A changed share reaches each process within two seconds.
        served_model.wait(
            lambda: any(visit.label == "canary" for visit in visitors.visits()), seconds=240
        )
        visitors.wait_for(30)
        operate.succeed("withdraw_canary")
        operate.succeed("retire", version=2)
        assert {visit.version for visit in visitors.wait_for(30)} == {1}
    visits = visitors.visits()
    assert all(visit.predicted for visit in visits), outcomes(visits)
    assert {(visit.label, visit.version) for visit in visits} == {("stable", 1), ("canary", 2)}


def test_a_server_that_dies_and_comes_back(
    served_model: ServedModel, site: SiteProcess, visitors: Visitors
) -> None:
    with visitors:
        visitors.wait_for(20)
        served_model.server.kill()
        visitors.wait_for(40, status=503)
        served_model.server.start()
        visitors.wait_for(40)
    visits = visitors.visits()
    assert {visit.status for visit in visits} == {201, 503}
    assert all(int(visit.retry_after) > 0 for visit in visits if visit.status == 503)
    assert len(site.records()) == sum(visit.predicted for visit in visits)
