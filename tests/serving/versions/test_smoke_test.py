"""An invalid version is found before a model server sees it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.versions.card import CARD
from serving.versions.declared_tensors import InvalidModel
from serving.versions.smoke_test import SmokeTest, run_smoke_test
from tests.harness import ROOT
from tests.harness.tiny_models import write_card

# One process for all models, because most of the time goes into importing TensorFlow.
CHECK_MODELS = """
import json, sys
from pathlib import Path
from serving.versions.declared_tensors import InvalidModel
from serving.versions.smoke_test_process import limit_resources, check_model
limit_resources()
found = {}
for name in sys.argv[2:]:
    try:
        found[name] = check_model(Path(sys.argv[1]) / name)
    except InvalidModel as problem:
        found[name] = str(problem)
print(json.dumps(found))
"""

REASONS = {
    "digit-1": 11,
    "ten-wide": 10,
    "nan": "NaN",
    "wide": "(1, 12)",
    "unnormalised": "not probabilities",
    "misnamed-input": "'picture'",
    "misnamed-output": "'scores'",
    "bad-warm-up": "its 'image' is float [1, 28], which does not fit",
    "no-signature": "signature 'serving_default'",
}


@pytest.fixture
def version(tiny_models: Path, tmp_path: Path) -> Path:
    """A good version to spoil."""
    copy = tmp_path / "version"
    shutil.copytree(tiny_models / "digit-1", copy)
    return copy


def test_loading_and_asking_finds_what_is_wrong(tiny_models: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", CHECK_MODELS, str(tiny_models), *REASONS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    for name, reason in REASONS.items():
        if isinstance(reason, int):
            assert found[name] == reason, name
        else:
            assert reason in found[name], name


def test_a_good_version_passes_in_a_process_of_its_own(version: Path) -> None:
    write_card(version)
    heartbeats: list[None] = []
    found = run_smoke_test(version, heartbeat=lambda: heartbeats.append(None))
    assert found == SmokeTest(method="loaded and asked", classes=11)
    assert heartbeats  # TensorFlow's import alone takes longer than half a second


def test_a_garbled_graph_is_refused(version: Path) -> None:
    graph = version / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[: graph.stat().st_size // 2])
    with pytest.raises(InvalidModel, match=r"saved_model\.pb is damaged"):
        run_smoke_test(version)


def test_a_smoke_test_that_takes_too_long_ends(version: Path) -> None:
    with pytest.raises(InvalidModel, match="within 0 s"):
        run_smoke_test(version, seconds=0.0)


def test_a_heartbeat_that_raises_ends_the_smoke_test(version: Path) -> None:
    class Enough(Exception):
        pass

    def give_up() -> None:
        raise Enough

    with pytest.raises(Enough):
        run_smoke_test(version, heartbeat=give_up)


def test_a_process_that_dies_means_an_invalid_model(
    version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "serving.versions.smoke_test.PROCESS_MODULE", "tests.serving.no_such_module"
    )
    with pytest.raises(InvalidModel, match="ended the process"):
        run_smoke_test(version)


def test_without_tensorflow_the_checksums_are_compared(version: Path) -> None:
    write_card(version)
    assert run_smoke_test(version, with_tensorflow=False) == SmokeTest(method="checksums")


def test_without_tensorflow_and_card_a_version_is_refused(version: Path) -> None:
    with pytest.raises(InvalidModel, match="no TensorFlow here"):
        run_smoke_test(version, with_tensorflow=False)


def spoil_bytes(version: Path) -> None:
    (version / "variables" / "variables.index").write_bytes(b"spoilt")


def lose_file(version: Path) -> None:
    (version / "assets.extra" / "tf_serving_warmup_requests").unlink()


def add_file(version: Path) -> None:
    (version / "assets.extra" / "extra").write_text("?")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_bytes, "variables/variables.index is not the file"),
        (lose_file, "tf_serving_warmup_requests is missing"),
        (add_file, "assets.extra/extra is not listed"),
    ],
)
@pytest.mark.parametrize("with_tensorflow", [True, False])
def test_files_other_than_the_cards_are_refused(
    version: Path, spoil: Callable[[Path], None], reason: str, with_tensorflow: bool
) -> None:
    write_card(version)
    spoil(version)
    with pytest.raises(InvalidModel, match=reason):
        run_smoke_test(version, with_tensorflow=with_tensorflow)


@pytest.mark.parametrize("card", ["{", "[]", "{}", '{"files": []}'])
def test_a_card_that_cannot_be_read_is_refused(version: Path, card: str) -> None:
    (version / CARD).write_text(card)
    with pytest.raises(InvalidModel, match="card"):
        run_smoke_test(version, with_tensorflow=False)


def test_a_card_without_a_checksum_of_the_graph_is_refused(version: Path) -> None:
    (version / "saved_model.pb").unlink()
    write_card(version)
    with pytest.raises(InvalidModel, match=r"no checksum of saved_model\.pb"):
        run_smoke_test(version, with_tensorflow=False)


def test_a_listed_file_outside_the_version_is_not_read(version: Path) -> None:
    write_card(version)
    card = json.loads((version / CARD).read_text())
    card["files"]["../../etc/passwd"] = "sha256:0"
    (version / CARD).write_text(json.dumps(card))
    with pytest.raises(InvalidModel, match="passwd is missing"):
        run_smoke_test(version, with_tensorflow=False)
