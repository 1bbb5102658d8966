"""The training loop: repeatable by seed, resumable, and the same on several devices."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.training.recipe import blots, small_data, tiny
from training.data.training_set import TrainingSet
from training.network.inference import accuracy, predict
from training.network.loop import Progress, Trainer, default_strategy
from training.paths import ROOT


@pytest.fixture(scope="module")
def data() -> TrainingSet:
    return small_data()


def test_it_learns_reports_and_returns_float32(data: TrainingSet) -> None:
    reports: list[Progress] = []
    trainer = Trainer(tiny(steps=160, report_every=40), data)
    trainer.run(report=reports.append, validate=lambda model: {"blots": 0.5})
    # Every 40 steps, and where the augmentation becomes mild.
    assert [progress.step for progress in reports] == [40, 80, 120, 128, 160]
    assert reports[-1].loss < reports[0].loss
    assert reports[-1].accuracy == {"blots": 0.5}
    assert all(progress.cpu_seconds > 0 for progress in reports)
    model = trainer.finished()
    assert model.dtype_policy.name == "float32"
    assert accuracy(model, blots(200, classes=10, seed=9)) > 0.9
    images = blots(5, classes=10).images
    scores = predict(model, images)
    assert scores.shape == (5, 11)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(predict(model, images / np.float32(255)), scores, atol=1e-6)
    assert predict(model, np.zeros((0, 28, 28), np.uint8)).shape == (0, 11)


def test_the_seed_decides_the_order_and_the_last_fifth_is_mild(data: TrainingSet) -> None:
    one, other = (Trainer(tiny(seed=seed, steps=40), data) for seed in (1, 2))
    assert (one.rows(0, 12) != other.rows(0, 12)).any()
    assert (one.rows(0, 12)[5:7] == one.rows(5, 2)).all()
    assert [step for step in range(40) if one.is_mild(step)] == list(range(32, 40))


def test_interrupted_and_resumed_it_ends_with_the_same_weights(
    data: TrainingSet, tmp_path: Path
) -> None:
    whole = Trainer(tiny(), data)
    whole.run()

    interrupted = Trainer(tiny(), data)
    assert not interrupted.resume(tmp_path / "none")
    assert interrupted.step == 0
    interrupted.run(checkpoints=tmp_path, until=8)
    assert interrupted.step == 8
    assert sorted(path.stem for path in tmp_path.glob("*.index")) == ["ckpt-4", "ckpt-8"]
    resumed = Trainer(tiny(), data)
    assert resumed.resume(tmp_path)
    assert resumed.step == 8
    assert resumed.cpu_seconds > interrupted.cpu_seconds * 0.5
    resumed.run(checkpoints=tmp_path)
    assert resumed.step == 12
    for a, b in zip(whole.average.get_weights(), resumed.average.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_bfloat16_trains_the_same_network(data: TrainingSet) -> None:
    recipe = tiny()
    mixed = replace(recipe, run=replace(recipe.run, mixed_bfloat16=True, steps=4))
    trainer = Trainer(mixed, data)
    trainer.run()
    assert {weight.dtype for weight in trainer.finished().weights} == {"float32"}


def test_a_batch_that_cannot_be_divided_is_refused(data: TrainingSet) -> None:
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(ValueError, match="a batch of 16 cannot be divided among 3 devices"):
        Trainer(tiny(), data, strategy=Three())


TWO_DEVICES = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from dataclasses import replace
from tests.training.recipe import NO_AUGMENTATION, small_data, tiny
from training.network.loop import Trainer

# Without randomness and without batch statistics, two halves must add up to the whole.
recipe = tiny(steps=3)
network = replace(recipe.network, dropout=0.0)
recipe = replace(recipe, augmentation=NO_AUGMENTATION, network=network)
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert two.num_replicas_in_sync == 2
weights = lambda t: np.concatenate([v.numpy().ravel() for v in t.model.trainable_variables])
results = []
for strategy in (None, two):
    trainer = Trainer(recipe, small_data(), strategy=strategy)
    start = weights(trainer)
    history = trainer.run()
    assert np.isfinite(history[-1].loss)
    results.append((history[-1].loss, trainer))
(one_loss, one), (two_loss, both) = results
assert abs(one_loss - two_loss) < 0.25, (one_loss, two_loss)
a, b = weights(one), weights(both)
moved, apart = np.abs(a - start).mean(), np.abs(a - b).mean()
assert apart < moved, (apart, moved)  # only the statistics of a half batch differ
assert one.rows(0, 3).tolist() == both.rows(0, 3).tolist()
for mirrored in both.model.trainable_variables:
    values = [copy.numpy() for copy in two.experimental_local_results(mirrored.value)]
    np.testing.assert_array_equal(values[0], values[-1])
print("two devices agree")
"""


def test_it_runs_on_two_devices() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "two devices agree" in done.stdout


def test_without_a_gpu_there_is_one_replica() -> None:
    if not tf.config.list_logical_devices("GPU"):
        assert default_strategy().num_replicas_in_sync == 1
