"""Two processes train one network, as two machines would."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.harness.ports import free_port
from tests.harness.waiting import wait_until
from training import train
from training.network.loop import Trainer
from training.network.workers import VARIABLE, WorkersError, worker_index
from training.paths import ROOT

PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from training.network.loop import Trainer, limit_threads
from training.network.workers import WorkersError, strategy_of_workers
limit_threads(1)
strategy = strategy_of_workers()  # before TensorFlow does anything else
from tests.training.recipe import NO_AUGMENTATION, small_data, tiny

folder, steps, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
recipe = tiny(steps=steps, seed=seed)
# Augmentation and dropout have other random numbers on each worker.
network = replace(recipe.network, dropout=0.0)
recipe = replace(recipe, augmentation=NO_AUGMENTATION, network=network)
trainer = Trainer(recipe, small_data(), strategy=strategy)
name = "chief" if trainer.is_chief else "other"
try:
    trainer.run(
        checkpoints=folder / name,
        report=lambda progress: print("step", progress.step, progress.accuracy, flush=True),
        validate=lambda model: {"parameters": model.count_params()},
    )
except WorkersError as error:
    sys.exit(f"WorkersError: {error}")
np.savez(folder / f"{name}.npz", *trainer.average.get_weights())
"""


@contextmanager
def two_workers(
    folder: Path, *, steps: int, seeds: tuple[int, int] = (1, 1)
) -> Iterator[list["subprocess.Popen[str]"]]:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    workers = []
    try:
        for index, seed in enumerate(seeds):
            with (folder / f"{index}.log").open("w") as log:
                worker = subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, str(folder), str(steps), str(seed)],
                    cwd=ROOT,
                    env={**os.environ, VARIABLE: tf_config(addresses, index)},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            workers.append(worker)
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait(60)


def tf_config(addresses: list[str], index: int, *, role: str = "worker") -> str:
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": role, "index": index}})


def weights(path: Path) -> list[np.ndarray]:
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def test_they_find_the_weights_of_one_process_and_the_first_alone_stores(tmp_path: Path) -> None:
    with two_workers(tmp_path, steps=12) as workers:
        for index, worker in enumerate(workers):
            assert worker.wait(300) == 0, (tmp_path / f"{index}.log").read_text()[-3000:]
    assert "step 12 {'parameters': " in (tmp_path / "0.log").read_text()
    assert "step 12 {}" in (tmp_path / "1.log").read_text()
    assert (tmp_path / "chief" / "ckpt-12.index").is_file()
    assert not (tmp_path / "other").exists()
    both = weights(tmp_path / "chief.npz")

    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), "12", "1"],
        cwd=ROOT, env=environment, check=True, timeout=300, capture_output=True,
    )  # fmt: skip
    one = weights(tmp_path / "chief.npz")
    for a, b, other in zip(one, both, weights(tmp_path / "other.npz"), strict=True):
        np.testing.assert_array_equal(b, other)
        np.testing.assert_allclose(a, b, atol=0.01)  # 0.0025 measured: sums of another order


def test_workers_with_other_settings_are_told_apart(tmp_path: Path) -> None:
    with two_workers(tmp_path, steps=4, seeds=(1, 2)) as workers:
        assert [worker.wait(300) for worker in workers] == [1, 1]
    for index in range(2):
        told = (tmp_path / f"{index}.log").read_text()
        assert "WorkersError: the workers differ in configuration: give all the same" in told


def test_when_one_is_killed_the_other_ends(tmp_path: Path) -> None:
    with two_workers(tmp_path, steps=1_000_000) as workers:
        log = tmp_path / "0.log"
        wait_until(lambda: "step 8 " in log.read_text(), message="both train")
        workers[1].kill()
        assert workers[0].wait(300) == 1
        assert "UnavailableError" in log.read_text()


def test_the_command_says_that_another_worker_ended(
    data_dir: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import tensorflow as tf

    def broken(*_: object, **__: object) -> None:
        raise tf.errors.UnavailableError(None, None, "Connection reset by peer")

    monkeypatch.setattr(Trainer, "run", broken)
    assert train.main(["--config", "quick", "--data", str(data_dir)]) == 1
    assert "Another worker ended; start all again with --resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no JSON", "must be like"),
        ("{}", "must be like"),
        (tf_config(["10.0.0.1"], 0), "as HOST:PORT"),
        (tf_config(["10.0.0.1:2222"], 1), "with an index below 1"),
        (tf_config(["10.0.0.1:2222"], 0, role="chief"), "must be of type worker"),
    ],
)
def test_a_wrong_variable_is_named(
    text: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(WorkersError, match=f"{VARIABLE}.*{reason}"):
        worker_index()
    assert train.main([]) == 2
    assert VARIABLE in capsys.readouterr().err


def test_without_the_variable_there_are_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert worker_index() is None
    monkeypatch.setenv(VARIABLE, tf_config(["10.0.0.1:2222", "10.0.0.2:2222"], 1))
    assert worker_index() == 1
